import Foundation
import ONNXSchema

/// Where a tensor's bytes lie in a file beside the model.
struct ExternalData {
  /// Relative to the model's folder.
  let location: String
  let offset: UInt64
  /// Nil means up to the end of the file.
  let length: Int?

  init(_ entries: [Onnx_StringStringEntryProto]) throws {
    let fields = Dictionary(entries.map { ($0.key, $0.value) }) { first, _ in first }
    guard let location = fields["location"], !location.isEmpty else {
      throw ONNXError(.malformed, "its external data names no file")
    }
    self.location = location
    offset = UInt64(try Self.count(fields["offset"], "offset") ?? 0)
    length = try Self.count(fields["length"], "length")
  }

  private static func count(_ text: String?, _ field: String) throws -> Int? {
    guard let text else { return nil }
    guard let value = Int(text), value >= 0 else {
      throw ONNXError(.malformed, "the \(field) of its external data is \"\(text)\"")
    }
    return value
  }

  /// Reads the bytes.
  ///
  /// - Throws: ``ONNXError`` with `unreadable` for a missing or short file, `malformed` for a path
  ///   outside the folder: a model must not read what its user did not put beside it.
  func bytes(in directory: URL?) throws -> Data {
    let (handle, count) = try open(in: directory)
    defer { try? handle.close() }
    do {
      return try handle.read(upToCount: count) ?? Data()
    } catch {
      throw ONNXError(
        .unreadable, "its external data \"\(location)\" cannot be read: \(error)")
    }
  }

  /// Reads `count` little-endian floats, without their bytes in between.
  func floats(_ count: Int, in directory: URL?) throws -> [Float] {
    let (handle, size) = try open(in: directory)
    defer { try? handle.close() }
    let needed = count * MemoryLayout<Float>.size
    guard size == needed else {
      throw ONNXError(
        .invalidTensor, "it holds \(size) bytes where its shape and type need \(needed)")
    }
    return try [Float](unsafeUninitializedCapacity: count) { buffer, initialised in
      let bytes = UnsafeMutableRawBufferPointer(buffer)
      var place = 0
      while place < needed {
        let part = pread(
          handle.fileDescriptor, bytes.baseAddress?.advanced(by: place),
          min(needed - place, 1 << 30), off_t(offset) + off_t(place))
        guard part > 0 else {
          throw ONNXError(
            .unreadable, "its external data \"\(location)\" cannot be read; copy it again")
        }
        place += part
      }
      initialised = count
    }
  }

  /// Opens the file at the tensor's first byte.
  ///
  /// - Returns: The number of bytes it has.
  private func open(in directory: URL?) throws -> (FileHandle, Int) {
    guard let directory else {
      throw ONNXError(
        .unreadable, "its data lies in the file \"\(location)\"; read the model from its folder")
    }
    let folder = directory.standardizedFileURL.resolvingSymlinksInPath()
    let file = folder.appending(path: location).standardizedFileURL.resolvingSymlinksInPath()
    let folderPath = folder.path.hasSuffix("/") ? folder.path : folder.path + "/"
    guard !location.hasPrefix("/"), file.path.hasPrefix(folderPath) else {
      throw ONNXError(
        .malformed, "its external data \"\(location)\" lies outside the model's folder")
    }
    guard let handle = try? FileHandle(forReadingFrom: file) else {
      throw ONNXError(
        .unreadable,
        "its external data \"\(location)\" is missing in \(folder.path); put it beside the model")
    }
    do {
      let size = try handle.seekToEnd()
      // A length beyond the file is caught here, before anything of that length is allocated.
      guard offset <= size, UInt64(length ?? 0) <= size - offset else {
        throw ONNXError(
          .unreadable,
          """
          its external data \"\(location)\" is short: \(size) bytes, where \
          \(length ?? 0) from \(offset) on are needed; copy the file again
          """)
      }
      try handle.seek(toOffset: offset)
      return (handle, length ?? Int(size - offset))
    } catch {
      try? handle.close()
      if let error = error as? ONNXError { throw error }
      throw ONNXError(
        .unreadable, "its external data \"\(location)\" cannot be read: \(error)")
    }
  }
}
