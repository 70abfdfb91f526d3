import Foundation

extension DatasetDescription {
  /// Reads inputs and labels out of a NumPy archive.
  func npz(_ file: URL) throws(DatasetError) -> DataShard {
    let archive = try NumPyArchive(opening: file)
    var columns: [InputColumn] = []
    var used: [String] = []
    for input in inputs {
      let key = input.name == nil ? "images" : "inputs"
      guard let name = try archive.name(input.array, or: ["images", "x"], key: key, self) else {
        throw DatasetError(
          .format,
          "\(file.path) has no array 'images' or 'x', but \(archive.contents); name its images in "
            + "\(self.file.path) with 'images: …'")
      }
      used.append(name)
      columns.append(try archive.array(name).column(for: input, self))
      guard columns[0].count == columns[columns.count - 1].count else {
        throw DatasetError(
          .shape,
          "\(file.path): array '\(name)' has \(columns[columns.count - 1].count) samples, but "
            + "'\(used[0])' has \(columns[0].count); the first axis of all inputs is the samples'")
      }
    }
    let usual = ["labels", "y"].filter { !used.contains($0) }
    let name = try archive.name(labels, or: usual, key: "labels", self)
    let labels = try name.map { name throws(DatasetError) in
      try archive.array(name).labels(of: columns[0].count)
    }
    return DataShard(inputs: columns, labels: labels)
  }
}

extension NumPyArchive {
  /// The array a description names, or the first of the usual names; nil without either.
  fileprivate func name(
    _ name: String?, or usual: [String], key: String, _ description: DatasetDescription
  ) throws(DatasetError) -> String? {
    if let name, !names.contains(name) {
      throw DatasetError(
        .format,
        "\(file.path) has no array '\(name)', but \(contents); correct '\(key)' in "
          + "\(description.file.path)")
    }
    return name ?? usual.first(where: names.contains)
  }

  /// For messages: what there is instead.
  fileprivate var contents: String {
    names.isEmpty ? "nothing" : names.sorted().map { "'\($0)'" }.joined(separator: ", ")
  }
}
