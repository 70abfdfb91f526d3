import Tensors

/// Consecutive images of a data set as they are stored, with the normalisation a network expects.
public struct ImageShard: Sendable, Hashable {
  /// The number of images.
  public let count: Int
  /// Channels, height and width of one image.
  public let shape: [Int]
  /// `[count, C, H, W]` in row-major order, 0…255.
  public let pixels: [UInt8]
  /// The class of every image, at least 0; nil for images without labels.
  public let labels: [Int]?
  /// What every channel is normalised with, in units where a pixel is 0…1.
  public let mean: [Double]
  /// Above 0.
  public let std: [Double]

  /// - Precondition: The counts agree, and there is one mean and one deviation per channel.
  public init(
    shape: [Int], pixels: [UInt8], labels: [Int]?, mean: [Double], std: [Double]
  ) {
    precondition(shape.count == 3 && shape.allSatisfy { $0 > 0 }, "images of shape \(shape)")
    precondition(
      pixels.count % shape.elementCount == 0, "\(pixels.count) pixels of images \(shape)")
    let count = pixels.count / shape.elementCount
    precondition(labels.map { $0.count == count } ?? true, "labels of \(count) images")
    precondition(
      mean.count == shape[0] && std.count == shape[0], "normalisation of \(shape[0]) channels")
    self.count = count
    self.shape = shape
    self.pixels = pixels
    self.labels = labels
    self.mean = mean
    self.std = std
  }

  /// All images as a network sees them: `[count, C, H, W]`, (pixel / 255 − mean) / std.
  public var tensor: Tensor { tensor(0..<count) }

  /// Some of the images as a network sees them: `[range.count, C, H, W]`.
  ///
  /// - Precondition: The range lies within 0..<count.
  public func tensor(_ range: Range<Int>) -> Tensor {
    check(range)
    let plane = shape[1] * shape[2]
    var elements = [Float](repeating: 0, count: range.count * shape.elementCount)
    let first = range.lowerBound * shape.elementCount
    for channel in 0..<shape[0] {
      // A pixel has 256 values: dividing once for each is exact in Double, and cheap.
      let values = (0..<256).map { Float((Double($0) / 255 - mean[channel]) / std[channel]) }
      for image in 0..<range.count {
        let start = (image * shape[0] + channel) * plane
        for index in start..<start + plane {
          elements[index] = values[Int(pixels[first + index])]
        }
      }
    }
    return Tensor(shape: [range.count] + shape, elements: elements)
  }

  /// Some of the images, with the same normalisation.
  ///
  /// - Precondition: The range lies within 0..<count.
  public func shard(_ range: Range<Int>) -> ImageShard {
    check(range)
    let size = shape.elementCount
    return ImageShard(
      shape: shape, pixels: Array(pixels[range.lowerBound * size..<range.upperBound * size]),
      labels: labels.map { Array($0[range]) }, mean: mean, std: std)
  }

  private func check(_ range: Range<Int>) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= count, "images \(range) of \(count)")
  }
}
