import Foundation
import Tensors

extension NumPyArray {
  /// The array as what one input of a network reads; the first axis is the samples'.
  ///
  /// Pixels of 8 bits stay as they are and carry their normalisation; all other numbers become
  /// 32-bit floats, normalised where the description says so.
  ///
  /// - Throws: ``DatasetError`` with `shape`, or `description` where `normalise` does not fit.
  func column(
    for input: DatasetDescription.Input, _ description: DatasetDescription
  ) throws(DatasetError) -> InputColumn {
    guard let count = shape.first, count > 0, shape.allSatisfy({ $0 > 0 }) else {
      throw DatasetError(.shape, "\(place) of shape \(shape) holds no samples")
    }
    guard type == .pixel else { return try values(for: input, description) }
    guard let statistics = input.statistics else {
      throw DatasetError(
        .description,
        "\(place) is of 8-bit pixels, and 'normalise' is missing; add it to "
          + "\(description.file.path): mean 0 and std 1 give the network 0…1")
    }
    let (sample, layout) = try imageShape(input, description)
    let normalisation = try statistics.normalisation(of: sample[0], description)
    let pixels = Array(bytes)
    return InputColumn(
      name: input.name, shape: sample,
      storage: .pixels(
        layout == .nchw ? pixels : Self.planes(pixels, shape: sample), normalisation))
  }

  /// Channels, height and width, and the order they are stored in.
  private func imageShape(
    _ input: DatasetDescription.Input, _ description: DatasetDescription
  ) throws(DatasetError) -> ([Int], DatasetDescription.Layout) {
    if shape.count == 3 { return ([1, shape[1], shape[2]], .nchw) }
    guard shape.count == 4 else {
      throw DatasetError(
        .shape,
        "\(place) has shape \(shape); images are [N, H, W, C], [N, C, H, W] or [N, H, W]")
    }
    let guess: DatasetDescription.Layout? =
      switch ([1, 3].contains(shape[1]), [1, 3].contains(shape[3])) {
      case (true, false): .nchw
      case (false, true): .nhwc
      default: nil
      }
    guard let layout = input.layout ?? guess else {
      throw DatasetError(
        .shape,
        "\(place) has shape \(shape), from which the axis of channels is not clear; add "
          + "'layout: nhwc' or 'layout: nchw' to \(description.file.path)")
    }
    return (layout == .nchw ? Array(shape[1...]) : [shape[3], shape[1], shape[2]], layout)
  }

  private func values(
    for input: DatasetDescription.Input, _ description: DatasetDescription
  ) throws(DatasetError) -> InputColumn {
    var values = try floats()
    var sample = Array(shape.dropFirst())
    if input.layout == .nhwc, sample.count == 3 {
      sample = [sample[2], sample[0], sample[1]]
      values = Self.planes(values, shape: sample)
    }
    if let statistics = input.statistics {
      guard let channels = sample.first else {
        throw DatasetError(
          .shape, "\(place) has one number for each sample, and no channels to normalise")
      }
      let normalisation = try statistics.normalisation(of: channels, description)
      let plane = sample.elementCount / channels
      for index in values.indices {
        let channel = index / plane % channels
        values[index] = Float(
          (Double(values[index]) - normalisation.mean[channel]) / normalisation.std[channel])
      }
    }
    return InputColumn(name: input.name, shape: sample, storage: .values(values))
  }

  /// From channels together to planes: `[N, H, W, C]` to `[N, C, H, W]`.
  ///
  /// - Parameter shape: Channels, height and width.
  private static func planes<Element>(_ elements: [Element], shape: [Int]) -> [Element] {
    let (channels, plane) = (shape[0], shape[1] * shape[2])
    var result = elements
    for start in stride(from: 0, to: elements.count, by: channels * plane) {
      for pixel in 0..<plane {
        for channel in 0..<channels {
          result[start + channel * plane + pixel] = elements[start + pixel * channels + channel]
        }
      }
    }
    return result
  }

  /// The numbers of a label array, which must be whole.
  ///
  /// - Parameter count: How many there must be; nil for any number.
  func labels(of count: Int?) throws(DatasetError) -> [Int] {
    let count = count ?? shape.first ?? 0
    guard shape == [count] || shape == [count, 1] else {
      throw DatasetError(
        .shape,
        "\(place) has shape \(shape), but there are \(count) samples; store one class index each")
    }
    guard let labels = integers else {
      throw DatasetError(
        .shape, "\(place) is of type \(type), but labels are integers; use labels.astype(np.int64)")
    }
    return labels
  }
}
