import Allocation
import NetworkGraph

/// Which widths to run a network at, so that every layer meets every pair of channels.
///
/// Groups that some layer adds up go together; the others are coloured so that the two sides of a
/// layer differ. In a run, groups of one half of the colours have one level of their grid and the
/// others another, so that all pairs of levels take S² runs, however many layers there are.
struct WidthSchedule {
  /// By group: the widths of its grid.
  let grids: [[Int]]
  /// By group: its colour.
  private let colours: [Int]

  init(groups: [ChannelGroup], layers: [NetworkLayer], multiple: Int, minimumKeepRatio: Double) {
    grids = groups.map { group in
      WidthGrid.widths(
        dense: group.width, multiple: multiple, minimumKeepRatio: minimumKeepRatio,
        isProtected: !group.isPrunable)
    }
    colours = Self.colours(groups.count, layers)
  }

  /// Levels from 0, the least widths, to this, the dense ones.
  var finest: Int { max(1, grids.map { $0.count - 1 }.max() ?? 1) }

  /// How many halves of the colours tell all colours apart.
  var halves: Int {
    let greatest = colours.max() ?? 0
    return greatest == 0 ? 1 : Int.bitWidth - greatest.leadingZeroBitCount
  }

  /// The widths where one half of the colours has one level, and the rest another.
  func widths(half: Int, _ first: Int, _ second: Int) -> [Int] {
    grids.indices.map { group in
      let level = colours[group] >> half & 1 == 0 ? first : second
      let grid = grids[group]
      let place = Double(level) / Double(finest) * Double(grid.count - 1)
      return grid[Int(place.rounded())]
    }
  }

  /// Colours such that groups on the two sides of a layer differ, as far as they may.
  private static func colours(_ count: Int, _ layers: [NetworkLayer]) -> [Int] {
    var cluster = Array(0..<count)
    for layer in layers {
      for side in [layer.input, layer.output] {
        for unit in side.units.dropFirst() {
          let (from, to) = (cluster[unit.group], cluster[side.units[0].group])
          for index in cluster.indices where cluster[index] == from { cluster[index] = to }
        }
      }
    }
    var neighbours: [Int: Set<Int>] = [:]
    for layer in layers {
      guard let a = layer.input.units.first, let b = layer.output.units.first else { continue }
      let (left, right) = (cluster[a.group], cluster[b.group])
      guard left != right else { continue }
      neighbours[left, default: []].insert(right)
      neighbours[right, default: []].insert(left)
    }
    var colours: [Int: Int] = [:]
    // Breadth first, so that chains and trees take two colours.
    for start in Set(cluster).sorted() where colours[start] == nil {
      var waiting = [start]
      while !waiting.isEmpty {
        let next = waiting.removeFirst()
        guard colours[next] == nil else { continue }
        let taken = Set((neighbours[next] ?? []).compactMap { colours[$0] })
        colours[next] = (0...count).first { !taken.contains($0) } ?? 0
        waiting += (neighbours[next] ?? []).sorted()
      }
    }
    return cluster.map { colours[$0] ?? 0 }
  }
}
