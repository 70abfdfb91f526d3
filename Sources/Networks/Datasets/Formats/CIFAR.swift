import Foundation

extension DatasetDescription {
  /// Reads CIFAR-10's binary format: records of one label byte and 3 × 32 × 32 pixels, no header.
  ///
  /// Reference: https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version".
  func cifar10Binary(_ file: URL) throws(DatasetError) -> DataShard {
    let shape = [3, 32, 32]
    let size = 1 + 3 * 32 * 32
    let data: Data
    do {
      data = try Data(contentsOf: file, options: .mappedIfSafe)
    } catch {
      throw .unreadable(file, error)
    }
    guard !data.isEmpty else {
      throw DatasetError(.format, "\(file.path) is empty; fetch the CIFAR-10 file again")
    }
    guard data.count.isMultiple(of: size) else {
      throw DatasetError(
        .format,
        "\(file.path) has \(data.count) bytes, which is no multiple of \(size) (a CIFAR-10 "
          + "record); it is cut short or of another format")
    }
    let count = min(data.count / size, limit ?? .max)
    var pixels: [UInt8] = []
    pixels.reserveCapacity(count * (size - 1))
    var labels: [Int] = []
    for record in 0..<count {
      let start = data.startIndex + record * size
      let label = Int(data[start])
      guard label < 10 else {
        throw DatasetError(
          .labels,
          "\(file.path): image \(record) has label \(label), but CIFAR-10 has classes 0…9; the "
            + "file is damaged or of another format (CIFAR-100 has two label bytes)")
      }
      labels.append(label)
      pixels.append(contentsOf: data[start + 1..<start + size])
    }
    return DataShard(inputs: [try column(pixels, shape: shape)], labels: labels)
  }

  /// Images of 8 bits for a network's only input.
  ///
  /// - Throws: ``DatasetError`` with `description` where `normalise` does not fit.
  func column(_ pixels: [UInt8], shape: [Int]) throws(DatasetError) -> InputColumn {
    guard let statistics = inputs[0].statistics else {
      throw DatasetError(.description, "\(file.path): 'normalise' is missing; add it")
    }
    let normalisation = try statistics.normalisation(of: shape[0], self)
    return InputColumn(
      name: inputs[0].name, shape: shape, storage: .pixels(pixels, normalisation))
  }
}
