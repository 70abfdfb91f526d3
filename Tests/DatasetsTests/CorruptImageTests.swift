import Datasets
import Foundation
import TestSupport
import Testing

@Suite(.tags(.pure))
struct CorruptImageTests {
  private let folder: DatasetFolder

  init() throws {
    folder = try DatasetFolder()
    try folder.copy("420.jpg", to: "images/good.jpg")
  }

  private func message(_ lines: String...) throws -> String {
    let yaml = try folder.describe(folderYAML(lines.joined(separator: "\n")))
    let error = #expect(throws: DatasetError.self) { try Dataset.read(yaml) }
    #expect(error?.code == .format)
    return error?.message ?? ""
  }

  @Test("corrupt images are named and counted, with what would let them pass")
  func naming() throws {
    let jpeg = try DatasetFolder.image("420.jpg")
    try folder.write("images/cut.jpg", jpeg.prefix(jpeg.count * 2 / 3))
    try folder.write("images/empty.png", Data())
    let message = try message()
    #expect(message.contains("2 images cannot be used: cut.jpg (libjpeg: Premature end"))
    #expect(message.contains("empty.png (it is empty)"))
    #expect(message.contains("write 'skip_corrupt: 2' in"))
    #expect(try self.message("skip_corrupt: 1").contains("2 images cannot be used"))
  }

  @Test("as many as allowed are left out, with their labels, and reported")
  func skipping() throws {
    try folder.copy("444.jpg", to: "images/a.jpg")
    try folder.write("images/b.jpg", Data("no JPEG".utf8))
    try folder.write("labels.txt", Data("a.jpg 4\nb.jpg 5\ngood.jpg 6\n".utf8))
    func read(_ lines: String) throws -> Dataset {
      try Dataset.read(folder.describe(folderYAML("labels: labels.txt", lines)))
    }
    let set = try read("skip_corrupt: 1")
    #expect(set.count == 2 && set.labels == [4, 6])
    #expect(set.skipped.map(\.name) == ["b.jpg"])
    #expect(set.skipped[0].reason == "it does not begin as JPEG or PNG")
    // What is left out does not count as one of a limit, and what comes after it is not looked at.
    #expect(try read("skip_corrupt: 1\nlimit: 2").digest == set.digest)
    #expect(try read("limit: 1").labels == [4])
  }

  @Test("a folder of nothing but corrupt images has no data set")
  func nothing() throws {
    try folder.write("images/good.jpg", Data("no JPEG".utf8))
    #expect(try message("skip_corrupt: 1").contains("no image that can be decoded"))
  }

  @Test(
    "what a file claims is checked before memory is taken",
    arguments: [
      ("bad-huge.png", "claims 60000 × 60000 pixels"), ("bad-flat.png", "libpng:"),
      ("bad-grey-16.png", "grey of 16 bits"),
    ])
  func claims(file: String, reason: String) throws {
    try folder.copy(file, to: "images/\(file)")
    let message = try message()
    #expect(message.contains("1 image cannot be used: \(file) ("), "\(message)")
    #expect(message.contains(reason), "\(message)")
  }

  @Test("a JPEG that claims to be gigantic is refused")
  func giganticJPEG() throws {
    var jpeg = try DatasetFolder.image("grey.jpg")
    // The frame header: marker, length and precision, then height and width.
    let frame = try #require(jpeg.firstRange(of: Data([0xFF, 0xC0])))
    jpeg.replaceSubrange(frame.lowerBound + 5..<frame.lowerBound + 9, with: [0xFF, 0, 0xFF, 0])
    try folder.write("images/huge.jpg", jpeg)
    #expect(try message().contains("huge.jpg (it claims 65280 × 65280 pixels"))
  }

  @Test("an image that would become gigantic is refused")
  func giganticResult() throws {
    try folder.copy("source-f.png", to: "images/a.png")
    try FileManager.default.removeItem(at: folder.url.appending(path: "images/good.jpg"))
    #expect(try message("resize: 8000").contains("it would have 320000 × 8000 pixels"))
  }

  @Test("no cut of a JPEG or PNG is taken for an image")
  func cuts() throws {
    for name in ["420.jpg", "progressive.jpg", "restarts.jpg", "grey-8.png", "palette-4.png"] {
      let whole = try DatasetFolder.image(name)
      let lengths = Set(stride(from: 0, to: whole.count, by: 7)).union(
        (1...6).map { whole.count - $0 })
      for length in lengths { try folder.write("\(name)/\(length)-\(name)", whole.prefix(length)) }
      try folder.write("\(name)/whole-\(name)", whole)
      let set = try Dataset.read(
        folder.describe(folderYAML(path: name, "skip_corrupt: 9999")))
      #expect(set.skipped.count == lengths.count && set.count == 1, "\(name)")
    }
  }

  @Test("noise in a file is an image or a fault, never a crash")
  func noise() throws {
    var generator = SeededGenerator(seed: 5)
    for name in ["420.jpg", "progressive.jpg", "cmyk.jpg", "rgba-16.png", "palette-4.png"] {
      let whole = try DatasetFolder.image(name)
      for round in 0..<100 {
        var changed = whole
        for _ in 0..<Int.random(in: 1...8, using: &generator) {
          let place = Int.random(in: 2..<whole.count, using: &generator)
          changed[place] = UInt8.random(in: 0...255, using: &generator)
        }
        try folder.write("images/\(round)-\(name)", changed)
      }
    }
    let yaml = try folder.describe(folderYAML("skip_corrupt: 500", "resize: [8, 8]"))
    let set = try Dataset.read(yaml)
    #expect(set.count + set.skipped.count == 501)
    // PNG has checksums: nothing changed in its pixels passes.
    #expect(set.skipped.count >= 200)
  }
}
