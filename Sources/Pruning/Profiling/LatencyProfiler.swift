import Devices
import Execution
import Foundation
import NetworkGraph
import Parallelism
import Surgery

/// How a profile is measured.
public struct ProfileSettings: Sendable, Hashable, Codable {
  /// Widths are multiples of this, as the device's plans will be.
  public var multiple = 8
  public var minimumKeepRatio = 0.1
  /// Runs before measuring, and measured.
  public var warmUp = 3
  public var repeats = 20
  /// The most levels of width that are told apart.
  public var levels = 9
  /// Two levels are split while layers between them differ from a straight line by more than this
  /// share of the time.
  public var tolerance = 0.02

  public init() {}
}

/// Measures the layers of a network where they stand: it runs the network at many widths and reads
/// the time of every layer off each run, so that fusions, layouts and caches are those of use. The
/// dense network is run in turn with each, and times are taken in units of its time: a machine that
/// is slower for a while does not make layers look slower.
public struct LatencyProfiler {
  private let network: Network
  private let backend: any Backend
  private let settings: ProfileSettings
  private let groups: [ChannelGroup]
  private let layers: [NetworkLayer]
  private let schedule: WidthSchedule

  public init(network: Network, backend: any Backend, settings: ProfileSettings) {
    self.network = network
    self.backend = backend
    self.settings = settings
    groups = network.channelGroups()
    layers = network.layers(groups: groups)
    schedule = WidthSchedule(
      groups: groups, layers: layers, multiple: settings.multiple,
      minimumKeepRatio: settings.minimumKeepRatio)
  }

  /// Measures what the journal does not hold yet.
  ///
  /// - Parameters:
  ///   - journal: Holds every run afterwards.
  ///   - progress: Told how many runs are done, and how many there are as far as is known.
  /// - Throws: ``ProfileError`` where the backend cannot tell times; whatever running throws.
  public func measure(
    _ journal: ProfileJournal, progress: (_ done: Int, _ total: Int) -> Void
  ) throws {
    var known = Dictionary(
      journal.entries.map { ($0.widths, $0) }, uniquingKeysWith: { first, _ in first })
    let reference = try SpeedReference(network, backend: backend)
    var planned = 0
    func entry(_ half: Int, _ first: Int, _ second: Int) throws -> ProfileJournal.Entry {
      let widths = schedule.widths(half: half, first, second)
      if let entry = known[widths] { return entry }
      let entry = try run(widths, reference)
      known[widths] = entry
      try journal.add(entry)
      progress(known.count, max(planned, known.count))
      return entry
    }
    let levels = try levels { try entry($0, $1, $2) }
    planned = known.count + schedule.halves * levels.count * levels.count
    for half in 0..<schedule.halves {
      for first in levels { for second in levels { _ = try entry(half, first, second) } }
    }
    progress(known.count, known.count)
  }

  /// The levels worth telling apart: from a few on, the interval is split whose middle differs most
  /// from a straight line, until none does by much.
  private func levels(
    _ entry: (_ half: Int, _ first: Int, _ second: Int) throws -> ProfileJournal.Entry
  ) throws -> [Int] {
    let top = schedule.finest
    var levels = Set([0, top / 2, top]).sorted()
    /// By interval that was looked at: how far its middle is off.
    var errors: [ClosedRange<Int>: Double] = [:]
    while levels.count < settings.levels {
      for (low, high) in zip(levels, levels.dropFirst()) where errors[low...high] == nil {
        let middle = (low + high) / 2
        guard middle > low else {
          errors[low...high] = 0
          continue
        }
        // One half narrow while the other is dense: times are then straight but for stairs.
        errors[low...high] = try [(0, 1), (1, 0)].map { side in
          func at(_ level: Int) throws -> ProfileJournal.Entry {
            try entry(0, side.0 == 0 ? level : top, side.1 == 0 ? level : top)
          }
          return deviation(
            try at(middle), between: try at(low), try at(high),
            share: Double(middle - low) / Double(high - low))
        }.max()
      }
      let open = errors.filter { interval, _ in
        guard let place = levels.firstIndex(of: interval.lowerBound) else { return false }
        return place + 1 < levels.count && levels[place + 1] == interval.upperBound
      }
      let worst = open.max {
        ($0.value, $1.key.lowerBound) < ($1.value, $0.key.lowerBound)
      }
      guard let worst, worst.value > settings.tolerance else { break }
      levels.append((worst.key.lowerBound + worst.key.upperBound) / 2)
      levels.sort()
    }
    return levels
  }

  /// Σ |time − straight line| over all layers, as a share of the time.
  private func deviation(
    _ middle: ProfileJournal.Entry, between low: ProfileJournal.Entry,
    _ high: ProfileJournal.Entry, share: Double
  ) -> Double {
    var (off, total) = (0.0, 0.0)
    func time(_ entry: ProfileJournal.Entry, _ layer: Int) -> Double {
      Double(entry.times[layer]) / Double(max(entry.reference, 1))
    }
    for layer in middle.times.indices {
      let line = (1 - share) * time(low, layer) + share * time(high, layer)
      off += abs(time(middle, layer) - line)
      total += time(middle, layer)
    }
    return off / max(total, 1e-12)
  }

  /// Times of every layer at some widths.
  private func run(
    _ widths: [Int], _ reference: SpeedReference
  ) throws -> ProfileJournal.Entry {
    var selection = ChannelSelection()
    for group in groups where widths[group.id] < group.width {
      selection.kept[group.id] = Array(0..<widths[group.id])
    }
    let pruned = try network.pruned(selection, groups: groups)
    guard
      let plan = try backend.plan(pruned, options: ExecutionOptions(batch: 1)) as? any TimedPlan
    else {
      throw ProfileError("the backend \(backend.identity.name) cannot tell the times of layers")
    }
    let inputs = pruned.syntheticInputs()
    for _ in 0..<settings.warmUp { _ = try plan.run(inputs) }
    let turns = try reference.inTurns(settings.repeats) {
      (
        // As long as a run takes, other programs get turns; not so within a layer.
        run: try ProcessorTime.of { _ = try plan.run(inputs) },
        byNode: try plan.nodeTimes(inputs)
      )
    }
    let unit = LatencyMeasurement(turns.map { Int64($0.reference) }).nanoseconds
    func measurement(_ time: ((run: Int64, byNode: [Int: Int64])) -> Int64) -> LatencyMeasurement {
      LatencyMeasurement(
        turns.map { Int64((Double(time($0.value) * unit) / $0.reference).rounded()) })
    }
    let measured = layers.map { layer in
      measurement { turn in layer.nodes.reduce(0) { $0 + (turn.byNode[$1] ?? 0) } }
    }
    return ProfileJournal.Entry(
      widths: widths, times: measured.map(\.nanoseconds), spreads: measured.map(\.spread),
      run: measurement(\.run).nanoseconds, reference: unit)
  }
}

extension LatencyProfiler {
  /// The table of all runs, at the speed the machine had when it was hardly disturbed: the tenth
  /// part of the runs had a faster one. Layers of equal shape and channels are put together.
  public func table(
    device: String, remarks: [LatencyTable.Remark], _ entries: [ProfileJournal.Entry]
  ) -> LatencyTable {
    struct Key: Hashable {
      var shape: String
      var input: Int
      var output: Int
    }
    var samples: [Key: (times: [Int64], spreads: [Int64])] = [:]
    var overheads: [Int64] = []
    let references = entries.map(\.reference).sorted()
    let unit = references.isEmpty ? 1 : references[references.count / 10]
    for entry in entries.map({ $0.scaled(to: unit) }) {
      for (place, layer) in layers.enumerated() where !layer.hasVariableShape {
        let key = Key(
          shape: layer.shape, input: layer.input.value(widths: entry.widths),
          output: layer.output.value(widths: entry.widths))
        samples[key, default: ([], [])].times.append(entry.times[place])
        samples[key, default: ([], [])].spreads.append(entry.spreads[place])
      }
      overheads.append(max(entry.run - entry.times.reduce(0, +), 0))
    }
    var points: [String: [LatencyTable.Point]] = [:]
    for (key, sample) in samples {
      points[key.shape, default: []].append(
        LatencyTable.Point(
          input: key.input, output: key.output,
          // Nothing takes no time; what is a mere view takes less than the clock can tell.
          nanoseconds: max(Double(LatencyMeasurement(sample.times).nanoseconds), 1),
          spread: Double(LatencyMeasurement(sample.spreads).nanoseconds)))
    }
    let overhead = LatencyMeasurement(overheads)
    points[LatencyTable.overhead] = [
      LatencyTable.Point(
        input: 0, output: 0, nanoseconds: max(Double(overhead.nanoseconds), 1),
        spread: Double(overhead.spread))
    ]
    let speed = LatencyTable.Remark(
      LatencyTable.reference, String(format: "%.6f", Double(unit) / 1e6))
    return LatencyTable(
      device: device, remarks: remarks + [speed],
      layers: points.map { .init(shape: $0, points: $1) })
  }
}

extension ProfileJournal.Entry {
  /// The same at another speed of the machine.
  fileprivate func scaled(to unit: Int64) -> ProfileJournal.Entry {
    let factor = Double(unit) / Double(max(reference, 1))
    func scaled(_ time: Int64) -> Int64 { Int64((Double(time) * factor).rounded()) }
    return ProfileJournal.Entry(
      widths: widths, times: times.map(scaled), spreads: spreads.map(scaled), run: scaled(run),
      reference: unit)
  }
}
