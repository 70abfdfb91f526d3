import NetworkGraph
import Quantities

/// How a layer reads its input: Y = W U, with U the unfolded input of one output position per column.
///
/// Rows of U, and so columns of W `[O, C·kh·kw]`, are in the order of the layer's weight: channel,
/// kernel row, kernel column.
public struct ConsumerGeometry: Sendable, Hashable, Codable {
  /// O.
  public let outputs: Int
  /// C; K for a fully connected layer.
  public let channels: Int
  /// Of the input; 1 × 1 for a fully connected layer.
  public let height: Int
  public let width: Int
  /// Vertical, horizontal.
  public let kernel: [Int]
  public let strides: [Int]
  public let dilations: [Int]
  public let padsBefore: [Int]
  public let padsAfter: [Int]

  /// A convolution in two dimensions, or in one, which is taken for a map of height 1.
  ///
  /// - Parameter input: `[C, H, W]` or `[C, W]`, without the batch.
  /// - Throws: ``RecoveryError`` with `unsupported` for grouped convolutions and for three
  ///   dimensions, `shapeMismatch` for a kernel larger than the padded input.
  public init(convolution: Convolution, outputs: Int, input: [Int]) throws {
    let axes = input.count - 1
    guard convolution.groups == 1, axes == 1 || axes == 2, convolution.kernel.count == axes else {
      throw RecoveryError(
        .unsupported,
        """
        a convolution with \(convolution.groups) groups and kernel \(convolution.kernel) on \
        \(input) has no unfolded form here; leave its inputs' channels unpruned
        """)
    }
    let flat = axes == 1
    self.outputs = outputs
    channels = input[0]
    height = flat ? 1 : input[1]
    width = input[axes]
    kernel = (flat ? [1] : []) + convolution.kernel
    strides = (flat ? [1] : []) + convolution.strides
    dilations = (flat ? [1] : []) + convolution.dilations
    padsBefore = (flat ? [0] : []) + convolution.padsBefore
    padsAfter = (flat ? [0] : []) + convolution.padsAfter
    guard outputHeight > 0, outputWidth > 0 else {
      throw RecoveryError(
        .shapeMismatch, "kernel \(convolution.kernel) is larger than the padded input \(input)")
    }
  }

  /// A fully connected layer of K inputs: one position per sample.
  public init(fullyConnected inputs: Int, outputs: Int) {
    self.outputs = outputs
    channels = inputs
    (height, width) = (1, 1)
    (kernel, strides, dilations) = ([1, 1], [1, 1], [1, 1])
    (padsBefore, padsAfter) = ([0, 0], [0, 0])
  }

  public var outputHeight: Int { extent(height, axis: 0) }
  public var outputWidth: Int { extent(width, axis: 1) }
  /// Output positions of one sample.
  public var positions: Int { outputHeight * outputWidth }
  /// C·kh·kw.
  public var columns: Int { channels * kernel[0] * kernel[1] }

  /// The columns of W that each of `units` equal runs of the input owns.
  ///
  /// A channel of a convolution owns kh·kw columns; a channel of a map that was flattened before a
  /// fully connected layer owns its H·W.
  ///
  /// - Precondition: `units` divides the number of columns.
  public func unitColumns(units: Int) -> [[Int]] {
    precondition(
      units > 0 && columns % units == 0, "\(columns) columns do not fall into \(units) units")
    let size = columns / units
    return (0..<units).map { Array($0 * size..<($0 + 1) * size) }
  }

  /// Every how many-th output position is taken for about so many of an image: a stride that shares
  /// no factor with the map's width.
  public func positionStride(positionsPerImage: Int) -> Int {
    var stride = max((positions + positionsPerImage - 1) / positionsPerImage, 1)
    while greatestCommonDivisor(stride, outputWidth) > 1 { stride += 1 }
    return stride
  }

  private func extent(_ size: Int, axis: Int) -> Int {
    let window = dilations[axis] * (kernel[axis] - 1) + 1
    let room = size + padsBefore[axis] + padsAfter[axis] - window
    return room < 0 ? 0 : room / strides[axis] + 1
  }
}
