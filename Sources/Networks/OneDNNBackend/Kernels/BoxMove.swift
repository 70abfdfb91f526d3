/// Copies elements between two arrays whose places are sums of one offset per axis.
///
/// Slices, borders, gathers, repetitions, parts of a concatenation and shuffles of space and depth
/// are all of this form, in row-major arrays and in those with channels in blocks: what changes is
/// the offsets. Elements that are neighbours on both sides move together.
struct BoxMove {
  /// Offsets of the indices along an axis, in elements.
  struct Axis {
    var source: [Int]
    var destination: [Int]

    /// Runs of indices that are neighbours on both sides.
    var runs: [Range<Int>] {
      var runs: [Range<Int>] = []
      for index in source.indices {
        if let last = runs.last, source[index] == source[index - 1] + 1,
          destination[index] == destination[index - 1] + 1
        {
          runs[runs.count - 1] = last.lowerBound..<index + 1
        } else {
          runs.append(index..<index + 1)
        }
      }
      return runs
    }
  }

  /// Elements that lie side by side in both arrays, with the offsets of the first.
  private struct Run {
    var source: Int
    var destination: Int
    var count: Int
  }

  private var runs: [Run]
  private let outer: Axis
  /// The last axes beside that of the runs.
  private let inner: Axis

  /// - Parameter axes: Every combination of their indices is copied.
  init(_ axes: [Axis]) {
    // The axis with the longest runs is walked innermost.
    let candidates = axes.map(\.runs)
    let chosen =
      axes.indices.max { a, b in
        axes[a].source.count * candidates[b].count < axes[b].source.count * candidates[a].count
      } ?? 0
    var rest = axes
    runs = [Run(source: 0, destination: 0, count: 1)]
    if !axes.isEmpty {
      runs = candidates[chosen].map {
        Run(
          source: axes[chosen].source[$0.lowerBound],
          destination: axes[chosen].destination[$0.lowerBound], count: $0.count)
      }
      rest.remove(at: chosen)
    }
    while runs.count == 1,
      let next = rest.firstIndex(where: { [runs] in $0.isMultiple(of: runs[0].count) })
    {
      runs[0].source += rest[next].source[0]
      runs[0].destination += rest[next].destination[0]
      runs[0].count *= rest[next].source.count
      rest.remove(at: next)
    }
    outer = Axis(joining: rest.dropLast(2))
    inner = Axis(joining: rest.suffix(2))
  }

  func run(from source: UnsafePointer<Float>, to destination: UnsafeMutablePointer<Float>) {
    for place in outer.source.indices {
      for run in runs {
        let from = source + outer.source[place] + run.source
        let to = destination + outer.destination[place] + run.destination
        switch run.count {
        case 32: move(SIMD32<Float>.self, from, to)
        case 16: move(SIMD16<Float>.self, from, to)
        case 8: move(SIMD8<Float>.self, from, to)
        case 1: move(Float.self, from, to)
        default:
          for position in inner.source.indices {
            (to + inner.destination[position]).update(
              from: from + inner.source[position], count: run.count)
          }
        }
      }
    }
  }

  /// Moves a run of a vector's length at every position.
  @inline(__always)
  private func move<Vector: BitwiseCopyable>(
    _ type: Vector.Type, _ from: UnsafePointer<Float>, _ to: UnsafeMutablePointer<Float>
  ) {
    let (from, to) = (UnsafeRawPointer(from), UnsafeMutableRawPointer(to))
    let stride = MemoryLayout<Float>.stride
    inner.source.withUnsafeBufferPointer { sources in
      inner.destination.withUnsafeBufferPointer { destinations in
        for position in sources.indices {
          let vector = from.loadUnaligned(
            fromByteOffset: sources[position] * stride, as: Vector.self)
          to.storeBytes(of: vector, toByteOffset: destinations[position] * stride, as: Vector.self)
        }
      }
    }
  }
}

extension BoxMove.Axis {
  /// Every combination of the indices of several axes, row-major.
  fileprivate init(joining axes: ArraySlice<BoxMove.Axis>) {
    self = axes.reduce(BoxMove.Axis(source: [0], destination: [0])) { outer, inner in
      BoxMove.Axis(
        source: outer.source.flatMap { a in inner.source.map { a + $0 } },
        destination: outer.destination.flatMap { a in inner.destination.map { a + $0 } })
    }
  }

  /// Whether neighbours lie `step` elements apart on both sides.
  fileprivate func isMultiple(of step: Int) -> Bool {
    source.indices.dropFirst().allSatisfy {
      source[$0] == source[$0 - 1] + step && destination[$0] == destination[$0 - 1] + step
    }
  }
}
