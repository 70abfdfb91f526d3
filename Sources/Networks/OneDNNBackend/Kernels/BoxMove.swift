/// What a move does along one axis: takes `count` elements and puts them side by side.
struct AxisMove: Equatable {
  var count: Int
  var sourceStart = 0
  var sourceStep = 1
  var destinationStart = 0
}

/// Moves a box of elements between two arrays whose channels lie in blocks, and zeros the rest.
///
/// Slice and Pad in one: runs of channels that are neighbours on both sides move together, so that
/// blocked activations need no reorder on the way.
struct BoxMove {
  /// Channels that lie side by side in both arrays, with the offsets of the first.
  private struct ChannelRun {
    var source: Int
    var destination: Int
    var count: Int
  }
  /// Offsets of each index along an axis.
  private struct Offsets {
    var source: [Int]
    var destination: [Int]
  }

  private let runs: [ChannelRun]
  private let images: Offsets
  /// Over all spatial axes, row-major.
  private let positions: Offsets
  private let destinationCount: Int

  init(_ moves: [AxisMove], from source: Layout, to destination: Layout) {
    let (from, to) = (source.strides, destination.strides)
    func offsets(_ axis: Int) -> Offsets {
      Offsets(
        source: (0..<moves[axis].count).map {
          (moves[axis].sourceStart + $0 * moves[axis].sourceStep) * from[axis]
        },
        destination: (0..<moves[axis].count).map {
          (moves[axis].destinationStart + $0) * to[axis]
        })
    }
    images = offsets(0)
    positions = moves.indices.dropFirst(2).map(offsets).reduce(
      Offsets(source: [0], destination: [0])
    ) {
      outer, inner in
      Offsets(
        source: outer.source.flatMap { a in inner.source.map { a + $0 } },
        destination: outer.destination.flatMap { a in inner.destination.map { a + $0 } })
    }
    runs = Self.runs(
      moves[1], from: (source.channelBlock ?? 1, from[1]),
      to: (destination.channelBlock ?? 1, to[1]))
    destinationCount = destination.byteCount / MemoryLayout<Float>.stride
  }

  private static func runs(
    _ move: AxisMove, from: (block: Int, stride: Int), to: (block: Int, stride: Int)
  ) -> [ChannelRun] {
    var runs: [ChannelRun] = []
    for index in 0..<move.count {
      let source = move.sourceStart + index * move.sourceStep
      let destination = move.destinationStart + index
      let run = ChannelRun(
        source: source / from.block * from.stride + source % from.block,
        destination: destination / to.block * to.stride + destination % to.block, count: 1)
      if let last = runs.last, source % from.block != 0, destination % to.block != 0,
        last.source + last.count == run.source, last.destination + last.count == run.destination
      {
        runs[runs.count - 1].count += 1
      } else {
        runs.append(run)
      }
    }
    return runs
  }

  func run(from source: UnsafePointer<Float>, to destination: UnsafeMutablePointer<Float>) {
    destination.update(repeating: 0, count: destinationCount)
    for image in images.source.indices {
      for run in runs {
        let from = source + images.source[image] + run.source
        let to = destination + images.destination[image] + run.destination
        switch run.count {
        case 32: move(SIMD32<Float>.self, from, to)
        case 16: move(SIMD16<Float>.self, from, to)
        case 8: move(SIMD8<Float>.self, from, to)
        case 1: move(Float.self, from, to)
        default:
          for position in positions.source.indices {
            (to + positions.destination[position]).update(
              from: from + positions.source[position], count: run.count)
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
    for position in positions.source.indices {
      let vector = from.loadUnaligned(
        fromByteOffset: positions.source[position] * stride, as: Vector.self)
      to.storeBytes(
        of: vector, toByteOffset: positions.destination[position] * stride, as: Vector.self)
    }
  }
}
