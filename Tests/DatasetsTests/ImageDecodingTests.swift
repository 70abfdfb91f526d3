import Datasets
import Digests
import Foundation
import TestSupport
import Testing

@Suite(.tags(.pure))
struct ImageDecodingTests {
  @Test("every kind of PNG is decoded as Pillow's convert(\"RGB\") does, bit for bit")
  func png() throws {
    let goldens = try ImageGoldens.read().decoded.filter { $0.file.hasSuffix(".png") }
    #expect(goldens.count == 22)
    for golden in goldens {
      let set = try decoded(golden.file)
      #expect(set.shape == golden.shape, "\(golden.file)")
      #expect(set.pixels == Array(golden.pixels), "\(golden.file)")
    }
  }

  /// The JPEG standard lets decoders round differently, and libjpeg-turbo's versions may: Pillow's
  /// 3.2.0 and Debian's 2.1.5 do not.
  @Test("every kind of JPEG is decoded as Pillow does, bit for bit")
  func jpeg() throws {
    let goldens = try ImageGoldens.read().decoded.filter { !$0.file.hasSuffix(".png") }
    #expect(goldens.count == 9)
    for golden in goldens {
      let set = try decoded(golden.file)
      #expect(set.shape == golden.shape, "\(golden.file)")
      #expect(set.pixels == Array(golden.pixels), "\(golden.file)")
    }
  }

  @Test("resized and cropped images are torchvision's, bit for bit")
  func resizing() throws {
    let goldens = try ImageGoldens.read().resized
    #expect(goldens.count == 44)
    for golden in goldens {
      let set = try decoded(golden.file, golden.yaml)
      #expect(set.shape == golden.shape, "\(golden.file): \(golden.yaml)")
      #expect(set.pixels == Array(golden.pixels), "\(golden.file): \(golden.yaml)")
    }
  }

  @Test("grey is Pillow's convert(\"L\"), also before resizing, bit for bit")
  func grey() throws {
    let goldens = try ImageGoldens.read().greys
    #expect(goldens.count == 5)
    for golden in goldens {
      let set = try decoded(golden.file, "colour: grey\n" + golden.yaml)
      #expect(set.shape == golden.shape && golden.shape[0] == 1, "\(golden.file)")
      #expect(set.pixels == Array(golden.pixels), "\(golden.file): \(golden.yaml)")
    }
  }

  @Test("photographs are prepared as by torchvision, bit for bit", .requiresSharedData)
  func photographs() throws {
    let photographs = Fixtures.shared.appending(path: "data/imagenet-sample").path
    let folder = try DatasetFolder()
    let goldens = try ImageGoldens.read().photographs
    #expect(goldens.count == 3)
    for golden in goldens {
      let set = try Dataset.read(
        folder.describe(
          folderYAML(
            path: photographs, "classes_file: \(photographs)/classes.txt",
            "resize: \(golden.resize)", "interpolation: \(golden.interpolation)",
            "crop: \(golden.crop)")))
      #expect(set.count == 200 && set.classes == 1000)
      // Every fifth class, in the order of the names.
      #expect(set.labels == Array(stride(from: 0, to: 1000, by: 5)))
      #expect(Digest(of: Data(set.pixels)).hex == golden.digest, "\(golden)")
    }
  }

  private func decoded(_ image: String, _ lines: String = "") throws -> Dataset {
    let folder = try DatasetFolder()
    try folder.copy(image, to: "images/\(image)")
    return try Dataset.read(folder.describe(folderYAML(lines)))
  }
}
