import Devices
import NetworkGraph
import Quantities

/// What a layer takes of a resource by the channels that it reads and writes: measured, or
/// estimated.
public struct LayerCost: Sendable, Hashable, Codable {
  public enum Values: Sendable, Hashable, Codable {
    case surface(LatencySurface)
    case roofline(Roofline, NetworkLayer.Work)
  }

  /// For messages.
  public var name: String
  public var input: ChannelExtent
  public var output: ChannelExtent
  public var values: Values

  public init(name: String, input: ChannelExtent, output: ChannelExtent, values: Values) {
    self.name = name
    self.input = input
    self.output = output
    self.values = values
  }

  /// The cost at widths indexed by group.
  public func value(widths: [Int]) -> Int64 {
    value(input: input.value(widths: widths), output: output.value(widths: widths))
  }

  /// How the cost at widths is known.
  func source(widths: [Int]) -> LatencySurface.Source {
    guard case .surface(let surface) = values else { return .estimated }
    let known = surface.value(
      input: input.value(widths: widths), output: output.value(widths: widths))
    return known?.source ?? .estimated
  }

  /// The cost of x channels read and y written. Those of the dense layer were found to be known;
  /// then those of all narrower ones are.
  func value(input x: Int, output y: Int) -> Int64 {
    switch values {
    case .surface(let surface): surface.value(input: x, output: y)?.value ?? 0
    case .roofline(let roofline, let work):
      roofline.nanoseconds(
        macs: work.macs(input: x, output: y), bytes: work.bytes(input: x, output: y))
    }
  }

  /// The groups whose widths are added up on one side or the other.
  var sums: [[Int]] { [input.units.map(\.group), output.units.map(\.group)] }
}

extension LayerCost {
  /// The cost as the solver takes it, for widths of a grid.
  func joint(grids: [[Int]]) -> JointSides {
    let rows = JointSides.Side(input, grids: grids)
    let columns = JointSides.Side(output, grids: grids)
    var table: [Int64] = []
    table.reserveCapacity(rows.count * columns.count)
    for i in 0..<rows.count {
      for j in 0..<columns.count {
        table.append(value(input: rows.channels(i), output: columns.channels(j)))
      }
    }
    return JointSides(rows: rows, columns: columns, table: table)
  }
}

/// A layer's costs at all sums of channels that a grid can reach.
struct JointSides {
  /// One of the two sums: least + step · (sum of the steps of its terms).
  struct Side {
    var least: Int
    var step: Int
    /// By varying group: the steps of every width of its grid.
    var terms: [(group: Int, steps: [Int])]

    init(_ extent: ChannelExtent, grids: [[Int]]) {
      least = extent.fixed
      var added: [(group: Int, channels: [Int])] = []
      for unit in extent.units {
        let grid = grids[unit.group]
        least += unit.count * grid[0]
        if grid.count > 1 {
          added.append((unit.group, grid.map { unit.count * ($0 - grid[0]) }))
        }
      }
      let divisor = added.flatMap(\.channels).reduce(0, greatestCommonDivisor)
      step = max(divisor, 1)
      terms = added.map { [step] term in (term.group, term.channels.map { $0 / step }) }
    }

    /// How many sums there are between the least and the greatest.
    var count: Int { terms.reduce(1) { $0 + ($1.steps.last ?? 0) } }

    func channels(_ place: Int) -> Int { least + step * place }
  }

  var rows: Side
  var columns: Side
  /// Row by row.
  var table: [Int64]

  /// The groups that it depends on, ascending.
  var groups: [Int] { Set((rows.terms + columns.terms).map(\.group)).sorted() }

  /// The cost where every group has the option given.
  func cost(_ option: (Int) -> Int) -> Int64 {
    let row = rows.terms.reduce(0) { $0 + $1.steps[option($1.group)] }
    let column = columns.terms.reduce(0) { $0 + $1.steps[option($1.group)] }
    return table[row * columns.count + column]
  }
}
