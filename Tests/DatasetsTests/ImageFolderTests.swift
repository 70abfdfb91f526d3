import Datasets
import Foundation
import TestSupport
import Testing

@Suite(.tags(.pure))
struct ImageFolderTests {
  private let folder: DatasetFolder

  init() throws { folder = try DatasetFolder() }

  /// A grey PNG of one colour would do, but every image must be told from the others: the fixtures
  /// of one size, in turn.
  private func write(_ names: [String]) throws {
    for (index, name) in names.enumerated() {
      try folder.copy(Self.kinds[index % Self.kinds.count], to: "images/\(name)")
    }
  }

  private static let kinds = [
    "rgb-8.png", "grey-8.png", "palette-8.png", "rgba-8.png", "rgb-16.png",
  ]

  private func read(_ lines: String...) throws -> Dataset {
    try Dataset.read(folder.describe(folderYAML(lines.joined(separator: "\n"))))
  }

  private func message(_ lines: String...) throws -> String {
    let yaml = try folder.describe(folderYAML(lines.joined(separator: "\n")))
    let error = #expect(throws: DatasetError.self) { try Dataset.read(yaml) }
    return error?.message.replacing(folder.url.path + "/", with: "") ?? ""
  }

  @Test("class folders are ranked and their images ordered as by torchvision")
  func classFolders() throws {
    let tree = try ImageGoldens.read().tree
    let images = tree.files.filter { !$0.hasSuffix(".txt") }
    for (index, name) in images.enumerated() {
      // Images are told apart by their first pixel.
      try folder.write("images/\(name)", onePixelPNG(red: UInt8(index)))
    }
    try folder.write("images/a/notes.txt", Data("no image".utf8))
    let set = try read()
    #expect(set.labels == tree.order.map(\.label))
    // Byte by byte: two of the names are the same to Swift's strings.
    let reds = tree.order.map { sample in
      images.firstIndex { $0.utf8.elementsEqual(sample.name.utf8) }.map { UInt8($0) }
    }
    #expect(stride(from: 0, to: set.pixels.count, by: 3).map { set.pixels[$0] } == reds)
    #expect(set.classes == Set(tree.order.map(\.label)).count)
    #expect(set.shape == [3, 1, 1])
  }

  @Test("a flat folder has no labels, and a limit counts from the first name")
  func flat() throws {
    try write(["c.png", "a.PNG", "b.png"])
    let set = try read()
    #expect(set.labels == nil && set.classes == nil && set.count == 3)
    #expect(set.skipped.isEmpty)
    #expect(try read("limit: 2").digest == set.prefix(2).digest)
    #expect(try read("limit: 9").digest == set.digest)
  }

  @Test("a shuffled folder has the same images in another order, from which a limit draws")
  func shuffling() throws {
    let names = (0..<5).flatMap { label in (0..<6).map { "class-\(label)/\($0).png" } }
    for (index, name) in names.enumerated() {
      try folder.write("images/\(name)", onePixelPNG(red: UInt8(index)))
    }
    func reds(_ lines: String...) throws -> [UInt8] {
      let set = try read(lines.joined(separator: "\n"))
      let reds = stride(from: 0, to: set.pixels.count, by: 3).map { set.pixels[$0] }
      #expect(set.labels == reds.map { Int($0) / 6 })
      return reds
    }
    let shuffled = try reds("shuffle: 1")
    #expect(shuffled != shuffled.sorted() && shuffled.sorted() == (0..<30).map { UInt8($0) })
    #expect(try reds("shuffle: 2") != shuffled)
    #expect(try reds("shuffle: 1", "limit: 10") == Array(shuffled.prefix(10)))
    #expect(Set(shuffled.prefix(10).map { $0 / 6 }).count > 2)
    try FileManager.default.removeItem(at: folder.url.appending(path: "images/\(names[29])"))
    #expect(try reds("shuffle: 1") == shuffled.filter { $0 != 29 })
  }

  @Test("threads do not change a data set")
  func threads() throws {
    try write((0..<40).map { "\($0).png" })
    let yaml = try folder.describe(folderYAML("resize: 9", "crop: 8"))
    let one = try Dataset.read(yaml, threads: 1)
    #expect(try Dataset.read(yaml, threads: 3).digest == one.digest)
  }

  @Test("a labels file labels images by name, in folders and with spaces")
  func labelsFile() throws {
    try write(["my cat.png", "dogs/a.png", "b.png"])
    try folder.write("labels.txt", Data("b.png 3\r\n\r\nmy cat.png\t0\n  dogs/a.png   12 \n".utf8))
    let set = try read("labels: labels.txt")
    #expect(set.labels == [3, 0, 12])
    #expect(try read("labels: labels.txt", "limit: 2").labels == [3, 0])
  }

  @Test("a labels file must name every image, once, and no other")
  func labelsFileFaults() throws {
    try write(["a.png", "b.png"])
    func message(_ lines: String) throws -> String {
      try folder.write("labels.txt", Data(lines.utf8))
      return try self.message("labels: labels.txt")
    }
    #expect(try message("a.png 1").contains("labels.txt misses image 'b.png'"))
    #expect(
      try message("a.png 1\nb.png 2\nc.png 3").contains("labels image 'c.png' that images has not"))
    #expect(
      try message("a.png 1\nb.png 2\na.png 2").contains("labels.txt:3: 'a.png' is there twice"))
    #expect(try message("a.png 1\n\nb.png").contains("labels.txt:3: 'b.png' is no image and its"))
    #expect(try message("a.png one\nb.png 2").contains("labels.txt:1"))
    #expect(try message("a.png -1\nb.png 2").contains("labels.txt:1"))
    try folder.write("labels.txt", Data("a.png 1\nb.png 7".utf8))
    #expect(try self.message("labels: labels.txt", "classes: 5").contains("b.png has label 7"))
    #expect(
      try self.message("labels: none.txt").contains("none.txt does not exist; correct 'labels'"))
  }

  @Test("a classes file labels images by how their names or folders begin")
  func classesFile() throws {
    let classes = "0 n01 tench\n1 n02 gold fish\n2 n02_b\n9 n03\n"
    try folder.write("classes.txt", Data(classes.utf8))
    try write(["n01_tench.png", "n02_b_x.png", "n02_goldfish.png", "n03.png", "n03-1.png"])
    let set = try read("classes_file: classes.txt")
    // By name: n01_tench, n02_b_x, n02_goldfish, n03-1, n03.
    #expect(set.labels == [0, 2, 1, 9, 9])
    #expect(set.classes == 10)
    try FileManager.default.removeItem(at: folder.url.appending(path: "images"))
    try write(["n03/x.png", "n01/y.png", "n01/in/z.png"])
    #expect(try read("classes_file: classes.txt").labels == [0, 0, 9])
  }

  @Test("images that a classes file does not know, and faults in it, are named")
  func classesFileFaults() throws {
    try write(["n01_tench.png", "n011.png"])
    func message(_ lines: String) throws -> String {
      try folder.write("classes.txt", Data(lines.utf8))
      return try self.message("classes_file: classes.txt")
    }
    #expect(try message("0 n01 tench").contains("no class for image 'n011.png'"))
    #expect(try message("0 n01\n0 n011").contains("index 0 is there twice"))
    #expect(try message("0 n01\n1 n01").contains("class 'n01' or index 1 is there twice"))
    #expect(try message("n01 tench").contains("classes.txt:1: 'n01 tench' is no class"))
    #expect(try message("\n").contains("names no class"))
    #expect(
      try self.message("classes_file: classes.txt", "labels: classes.txt").contains(
        "remove one of the two"))
  }

  @Test("a folder must be there, hold images, and hold none that would be passed over")
  func folders() throws {
    #expect(try message().contains("images does not exist; correct 'path' in set.yaml"))
    try folder.write("images/notes.txt", Data())
    #expect(try message().contains("images holds no image; JPEG and PNG are read"))
    try folder.write("images/a.bmp", Data())
    #expect(try message().contains("holds image 'a.bmp' of a format that is not read"))
    #expect(
      try Self.refusal(folder.describe(folderYAML(path: "set.yaml"))).contains("is no folder"))
    #expect(
      try Self.refusal(folder.describe(folderYAML(path: "[images, images]"))).contains(
        "path names 2 folders"))
  }

  @Test("an empty class folder is refused, for it would shift the labels of others")
  func emptyClass() throws {
    try write(["a/x.png", "c/x.png"])
    try folder.write("images/b/notes.txt", Data())
    #expect(try message().contains("class folder 'b' has no image"))
    try write(["b/x.png"])
    #expect(try read().labels == [0, 1, 2])
    #expect(try message("classes: 2").contains("3 classes, more than 'classes'"))
  }

  @Test("links are followed; those to nothing and those in a circle are refused")
  func links() throws {
    try write(["a/x.png"])
    try folder.copy("rgb-8.png", to: "elsewhere/y.png")
    let manager = FileManager.default
    func link(_ name: String, to place: String) throws {
      try manager.createSymbolicLink(
        atPath: folder.url.appending(path: "images/\(name)").path, withDestinationPath: place)
    }
    try link("b", to: "../elsewhere")
    #expect(try read().labels == [0, 1])
    try link("a/gone.png", to: "nowhere.png")
    #expect(try message().contains("gone.png is no file, or a link to nothing"))
    try manager.removeItem(at: folder.url.appending(path: "images/a/gone.png"))
    try link("a/round", to: "..")
    #expect(try message().contains("is there a link in a circle?"))
  }

  @Test("images of several sizes are refused with what would make them one")
  func severalSizes() throws {
    try folder.copy("source-a.png", to: "images/a.png")
    try folder.copy("source-b.png", to: "images/b.png")
    #expect(
      try message().contains("b.png has 53 × 37 pixels, but a.png has 37 × 53; add 'resize:"))
    #expect(try message("resize: 16").contains("b.png has 22 × 16 pixels"))
    #expect(try read("resize: 16", "crop: 16").shape == [3, 16, 16])
    #expect(try read("resize: [10, 12]").shape == [3, 10, 12])
  }

  @Test(
    "sizes and other keys outside their range are refused with their line",
    arguments: [
      ("resize: 0", "resize is no size"), ("resize: [1, 2, 3]", "resize is no size"),
      ("resize: 10000", "from 1 to 8192"), ("crop: big", "crop is no size"),
      ("crop: [5, -1]", "crop is no size"), ("resize: {}", "resize is no size"),
      ("skip_corrupt: -1", "at least 0"), ("interpolation: bicubic", "no 'resize'"),
      ("resize: 5\ninterpolation: nearest", "write bilinear or bicubic"),
      ("colour: blue", "write rgb or grey"),
      ("layout: nhwc", "is for npz and npy, not for image-folder"),
    ])
  func ranges(line: String, reason: String) throws {
    try write(["a.png"])
    let message = try message(line)
    #expect(message.hasPrefix("set.yaml:\(line.contains("\n") ? 5 : 4): "), "\(message)")
    #expect(message.contains(reason), "\(message)")
  }

  private static func refusal(_ yaml: URL) -> String {
    (#expect(throws: DatasetError.self) { try Dataset.read(yaml) })?.message ?? ""
  }
}
