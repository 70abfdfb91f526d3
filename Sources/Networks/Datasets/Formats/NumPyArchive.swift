import CZip
import Foundation

/// A `.npz` file: a zip archive of `.npy` files, as `np.savez` and `np.savez_compressed` write it.
///
/// Not `Sendable`, as libzip's handles are not: it is opened, read and closed in one function.
struct NumPyArchive: ~Copyable {
  let file: URL
  /// The arrays' names, without ".npy".
  let names: [String]
  private let handle: OpaquePointer

  /// The largest array that is read: a worker's whole memory is 2 GiB, and a damaged or hostile
  /// archive may claim any size.
  static let sizeLimit = 1 << 30

  /// - Throws: ``DatasetError`` with `format`.
  init(opening file: URL) throws(DatasetError) {
    var status: Int32 = 0
    guard let handle = zip_open(file.path, ZIP_RDONLY, &status) else {
      var error = zip_error_t()
      zip_error_init_with_code(&error, status)
      let reason = String(cString: zip_error_strerror(&error))
      zip_error_fini(&error)
      throw DatasetError(
        .format,
        "\(file.path) is no NumPy archive: \(reason); write it with np.savez or "
          + "np.savez_compressed")
    }
    let entries = (0..<zip_get_num_entries(handle, 0)).compactMap { index in
      zip_get_name(handle, zip_uint64_t(index), 0).map { String(cString: $0) }
    }
    self.file = file
    self.handle = handle
    names = entries.filter { $0.hasSuffix(".npy") }.map { String($0.dropLast(4)) }
  }

  deinit { zip_discard(handle) }

  /// The array of a name that is in ``names``.
  ///
  /// - Throws: ``DatasetError`` with `format` or `shape`.
  func array(_ name: String) throws(DatasetError) -> NumPyArray {
    let place = "\(file.path): array '\(name)'"
    guard let entry = zip_fopen(handle, name + ".npy", 0) else {
      throw damaged(place, String(cString: zip_strerror(handle)))
    }
    defer { zip_fclose(entry) }
    var content: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      // libzip checks the archive's CRC when the last byte is read.
      let length = zip_fread(entry, &chunk, zip_uint64_t(chunk.count))
      guard length >= 0 else { throw damaged(place, String(cString: zip_file_strerror(entry))) }
      if length == 0 { break }
      content.append(contentsOf: chunk[..<Int(length)])
      guard content.count <= Self.sizeLimit else {
        throw DatasetError(
          .shape, "\(place) is larger than \(Self.sizeLimit) bytes; split the data over files")
      }
    }
    return try NumPyArray(decoding: content, place: place)
  }

  private func damaged(_ place: String, _ reason: String) -> DatasetError {
    DatasetError(.format, "\(place) cannot be read: \(reason); the archive is damaged")
  }
}
