import Foundation

extension Dataset {
  /// Reads the data set that a YAML file describes: see docs/data.md for its keys.
  ///
  /// - Parameter threads: How many images are decoded at once; no result depends on it.
  /// - Throws: ``DatasetError`` with `unreadable`, `description`, `format`, `shape` or `labels`.
  public static func read(
    _ file: URL, threads: Int = ProcessInfo.processInfo.activeProcessorCount
  ) throws(DatasetError) -> Dataset {
    let description = try DatasetDescription(reading: file)
    let name = file.deletingPathExtension().lastPathComponent
    var samples: DataShard
    var skipped: [SkippedFile] = []
    var classes = description.classes
    switch description.format {
    case .cifar10Binary:
      samples = try description.joined { path throws(DatasetError) in
        try description.cifar10Binary(path)
      }
      classes = classes ?? 10
    case .npz:
      samples = try description.joined { path throws(DatasetError) in try description.npz(path) }
    case .npy: samples = try description.npy()
    case .imageFolder:
      let folder = try ImageFolder(description)
      (samples, skipped) = try folder.load(description, threads: threads)
      classes = classes ?? folder.classes
    }
    if let limit = description.limit, limit < samples.count { samples = samples.shard(0..<limit) }
    return Dataset(name: name, samples: samples, classes: classes, skipped: skipped)
  }
}

extension DatasetDescription {
  /// The samples of all files, until there are as many as are wanted.
  func joined(
    _ read: (URL) throws(DatasetError) -> DataShard
  ) throws(DatasetError) -> DataShard {
    var whole: DataShard?
    for path in paths {
      if let limit, let whole, whole.count >= limit { break }
      try checkIsFile(path, key: "path")
      let part = try read(path)
      try check(part.labels, of: path.path)
      try whole.append(part, from: path.path)
    }
    guard let whole else { throw DatasetError(.description, "\(file.path): path names no file") }
    return whole
  }

  func checkIsFile(_ path: URL, key: String) throws(DatasetError) {
    let kind = FileKind(of: path)
    guard kind != .file else { return }
    let reason = kind.map { $0 == .folder ? "is a folder" : "is no file" } ?? "does not exist"
    throw DatasetError(
      .unreadable,
      "\(path.path) \(reason); correct '\(key)' in \(file.path): it is relative to that file")
  }

  /// Throws unless the labels are among the classes that are described.
  func check(_ labels: [Int]?, of place: String) throws(DatasetError) {
    guard let labels else { return }
    let bound = classes ?? Int(Int32.max)
    for (index, label) in labels.enumerated() where !(0..<bound).contains(label) {
      let range = classes.map { "0…\($0 - 1)" } ?? "0 and above"
      throw DatasetError(
        .labels,
        "\(place): sample \(index) has label \(label), but classes are \(range); correct the "
          + "file, or 'classes' in \(file.path)")
    }
  }
}
