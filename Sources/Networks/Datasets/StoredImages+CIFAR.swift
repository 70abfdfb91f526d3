import Foundation

extension StoredImages {
  /// Reads CIFAR-10's binary format: records of one label byte and 3 × 32 × 32 pixels, no header.
  ///
  /// Reference: https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version".
  init(cifar10Binary file: URL) throws(DatasetError) {
    let shape = [3, 32, 32]
    let size = 1 + 3 * 32 * 32
    let data: Data
    do {
      data = try Data(contentsOf: file, options: .mappedIfSafe)
    } catch {
      throw DatasetError(
        .unreadable, "\(file.path) cannot be read: \(error.localizedDescription)")
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
    let count = data.count / size
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
    self.init(shape: shape, pixels: pixels, labels: labels)
  }
}
