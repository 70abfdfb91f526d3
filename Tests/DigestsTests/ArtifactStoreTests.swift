import Digests
import Foundation
import TestSupport
import Testing

@Suite("Artifact store")
struct ArtifactStoreTests {
  let folder = FileManager.default.temporaryDirectory.appending(path: "store-\(UUID().uuidString)")
  let store: ArtifactStore
  let content = Data((0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })

  init() throws { store = try ArtifactStore(folder: folder) }

  /// Files that are no artifact.
  private func unfinished() throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: folder.path)
      .filter { $0.contains("/") && ($0 as NSString).lastPathComponent.count != 64 }
  }

  @Test("what is put is found under its digest, once")
  func roundTrip() throws {
    let digest = try store.put(content)
    #expect(digest == Digest(of: content))
    #expect(try store.put(content) == digest)
    #expect(store.contains(digest))
    #expect(store.size(of: digest) == content.count)
    #expect(try store.data(for: digest) == content)
    #expect(
      store.url(for: digest).path == folder.path + "/\(digest.hex.prefix(2))/\(digest.hex)")
    #expect(try unfinished().isEmpty)
  }

  @Test("a part is read with the size of the whole, and nothing beyond the end")
  func parts() throws {
    let digest = try store.put(content)
    let part = try store.read(digest, at: 9_990, length: 100)
    #expect(part.bytes == content.suffix(10))
    #expect(part.total == 10_000)
    #expect(try store.read(digest, at: 20_000, length: 5).bytes.isEmpty)
  }

  @Test("the empty artifact is an artifact")
  func empty() throws {
    #expect(try store.data(for: try store.put(Data())) == Data())
    let other = Digest(of: content)
    #expect(try store.append(Data(), to: other, at: 0, total: 10) == 0)
  }

  @Test("a missing artifact is an error that names its file")
  func missing() {
    let error = #expect(throws: ArtifactError.self) { try store.data(for: Digest(of: content)) }
    #expect(error?.code == .missing)
    #expect(error?.message.contains(folder.path) == true)
  }

  @Test("a corrupt artifact is an error that names its file, and putting it again mends its size")
  func corrupt() throws {
    let digest = try store.put(content)
    try (content.dropLast() + [0]).write(to: store.url(for: digest))
    let error = #expect(throws: ArtifactError.self) { try store.data(for: digest) }
    #expect(error?.code == .corrupt)
    #expect(error?.message.contains(store.url(for: digest).path) == true)
    try content.prefix(5).write(to: store.url(for: digest))
    try store.put(content)
    #expect(try store.data(for: digest) == content)
  }

  @Test("a full disk is an error that names path, errno and remedy")
  func fullDisk() throws {
    // The device that is always full stands where the upload is written.
    let digest = Digest(of: content)
    let part = folder.appending(path: "incoming/\(digest.hex).part")
    try FileManager.default.createSymbolicLink(
      at: part, withDestinationURL: URL(filePath: "/dev/full"))
    let error = #expect(throws: ArtifactError.self) {
      try store.append(content, to: digest, at: 0, total: content.count)
    }
    #expect(error?.code == .diskFull)
    #expect(error?.message.contains(part.path) == true)
    #expect(error?.message.contains("errno 28") == true)
    #expect(error?.message.contains("free some space") == true)
  }

  @Test("a write that fails names the path and leaves nothing behind")
  func failedWrite() throws {
    let blocked = store.url(for: Digest(of: content)).deletingLastPathComponent()
    try Data().write(to: blocked)
    let error = #expect(throws: ArtifactError.self) { try store.put(content) }
    #expect(error?.code == .inputOutput)
    #expect(error?.message.contains(blocked.path) == true)
    #expect(try unfinished().isEmpty)
  }

  @Test("an upload arrives in parts, with repetitions and gaps, over a restart")
  func uploads() throws {
    let digest = Digest(of: content)
    let total = content.count
    #expect(try store.append(Data(), to: digest, at: 0, total: total) == 0)
    #expect(try store.append(content[0..<4000], to: digest, at: 0, total: total) == 4000)
    #expect(try store.append(content[6000..<8000], to: digest, at: 6000, total: total) == 4000)
    #expect(try store.append(content[0..<4000], to: digest, at: 0, total: total) == 4000)
    #expect(!store.contains(digest))
    let restarted = try ArtifactStore(folder: folder)
    #expect(try restarted.append(content[3000..<7000], to: digest, at: 3000, total: total) == 7000)
    #expect(try restarted.append(content[7000...], to: digest, at: 7000, total: total) == total)
    #expect(try restarted.data(for: digest) == content)
    #expect(try restarted.append(Data(), to: digest, at: 0, total: total) == total)
    #expect(try unfinished().isEmpty)
  }

  @Test("an upload with the wrong digest starts again from nothing")
  func wrongDigest() throws {
    let digest = Digest(of: content)
    let wrong = Data(count: content.count)
    #expect(try store.append(wrong, to: digest, at: 0, total: content.count) == 0)
    #expect(!store.contains(digest))
    #expect(
      try store.append(content, to: digest, at: 0, total: content.count) == content.count)
  }

  @Test("an upload is there at once, known by its content until it is flushed", arguments: [1, 9])
  func flushing(count: Int) throws {
    let contents = (0..<count).map { content.prefix(100) + [UInt8($0)] }
    for data in contents {
      let digest = Digest(of: data)
      #expect(try store.append(data, to: digest, at: 0, total: data.count) == data.count)
      #expect(try Data(contentsOf: store.url(for: digest)) == data)
      // Damaged meanwhile, it is what it was: nobody reads the file.
      try Data(data.reversed()).write(to: store.url(for: digest))
      #expect(try store.data(for: digest) == data)
    }
    try store.flush()
    for data in contents {
      #expect(throws: ArtifactError.self) { try store.data(for: Digest(of: data)) }
    }
    try store.flush()
    try store.flushAll()
  }

  @Test("what cannot be flushed is gone, and can be brought again")
  func failedFlush() throws {
    let digest = Digest(of: content)
    let total = content.count
    #expect(try store.append(content, to: digest, at: 0, total: total) == total)
    // A device cannot be flushed.
    try FileManager.default.removeItem(at: store.url(for: digest))
    try FileManager.default.createSymbolicLink(
      at: store.url(for: digest), withDestinationURL: URL(filePath: "/dev/null"))
    let error = #expect(throws: ArtifactError.self) { try store.flush() }
    #expect(error?.code == .inputOutput)
    #expect(!store.contains(digest))
    #expect(try store.append(content, to: digest, at: 0, total: total) == total)
    try store.flush()
    #expect(try store.data(for: digest) == content)
  }

  @Test("what is put is flushed, though an upload that is not has brought it before")
  func putAfterUpload() throws {
    let digest = Digest(of: content)
    _ = try store.append(content, to: digest, at: 0, total: content.count)
    try Data(content.reversed()).write(to: store.url(for: digest))
    #expect(try store.put(content) == digest)
    #expect(try Data(contentsOf: store.url(for: digest)) == content)
  }

  @Test("uploads nobody continues are discarded by age")
  func discard() throws {
    _ = try store.append(content.prefix(10), to: Digest(of: content), at: 0, total: 100)
    // As a process that was killed leaves it, beside an artifact.
    let digest = try store.put(content)
    let beside = store.url(for: digest).deletingLastPathComponent()
    try Data().write(to: beside.appending(path: "1.new"))
    try store.discardUploads(olderThan: .seconds(3600))
    #expect(try unfinished().count == 2)
    try store.discardUploads(olderThan: .seconds(-5))
    #expect(try unfinished().isEmpty)
    #expect(try store.data(for: digest) == content)
  }

  @Test("many tasks put the same and different contents at once")
  func concurrency() async throws {
    let store = store
    try await withThrowingTaskGroup { group in
      for index in 0..<32 {
        group.addTask { try store.put(Data(repeating: UInt8(index % 4), count: 5000)) }
      }
      var digests: Set<Digest> = []
      for try await digest in group { digests.insert(digest) }
      #expect(digests.count == 4)
      for digest in digests { #expect(try store.data(for: digest).count == 5000) }
    }
    #expect(try unfinished().isEmpty)
  }
}
