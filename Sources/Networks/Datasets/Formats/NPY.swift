import Foundation

extension DatasetDescription {
  /// Reads arrays for a network's only input, and labels from an array or a text file.
  func npy() throws(DatasetError) -> DataShard {
    let samples = try joined { path throws(DatasetError) in
      let column = try NumPyArray(reading: path).column(for: inputs[0], self)
      return DataShard(inputs: [column], labels: nil)
    }
    guard let path = labels.map(url) else { return samples }
    try checkIsFile(path, key: "labels")
    let labels =
      path.pathExtension == "npy"
      ? try NumPyArray(reading: path).labels(of: nil) : try LabelFile.labels(path)
    // Where a limit leaves files unread, there are more labels than samples.
    guard labels.count == samples.count || (labels.count > samples.count && limit != nil) else {
      throw DatasetError(
        .shape,
        "\(path.path) has \(labels.count) labels, but there are \(samples.count) samples; write "
          + "one for each")
    }
    try check(labels, of: path.path)
    return DataShard(inputs: samples.inputs, labels: Array(labels.prefix(samples.count)))
  }
}

extension NumPyArray {
  /// Reads a `.npy` file.
  ///
  /// - Throws: ``DatasetError`` with `unreadable`, `format` or `shape`.
  init(reading file: URL) throws(DatasetError) {
    let data: Data
    do {
      data = try Data(contentsOf: file, options: .mappedIfSafe)
    } catch {
      throw .unreadable(file, error)
    }
    guard data.count <= NumPyArchive.sizeLimit else {
      throw DatasetError(
        .shape,
        "\(file.path) is larger than \(NumPyArchive.sizeLimit) bytes; split the data over files")
    }
    try self.init(decoding: [UInt8](data), place: file.path)
  }
}
