import Datasets
import Foundation
import TestSupport

/// What `generate_images.py` wrote.
struct ImageGoldens: Decodable {
  /// An image as Pillow or torchvision has it.
  struct Picture: Decodable {
    var file: String
    var shape: [Int]
    /// `[3, H, W]`.
    var pixels: Data
  }

  struct Resized: Decodable {
    var file: String
    var resize: Sizes?
    var crop: Sizes?
    var interpolation: String
    var shape: [Int]
    var pixels: Data

    /// The keys of a data set's description.
    var yaml: String {
      var lines: [String] = []
      if let resize { lines += ["resize: \(resize)", "interpolation: \(interpolation)"] }
      if let crop { lines.append("crop: \(crop)") }
      return lines.joined(separator: "\n")
    }
  }

  /// One size, or height and width.
  enum Sizes: Decodable, CustomStringConvertible {
    case one(Int)
    case two([Int])

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let size = try? container.decode(Int.self) {
        self = .one(size)
      } else {
        self = .two(try container.decode([Int].self))
      }
    }

    var description: String {
      switch self {
      case .one(let size): "\(size)"
      case .two(let sizes): "\(sizes)"
      }
    }
  }

  struct Tree: Decodable {
    struct Sample: Decodable, Hashable {
      var name: String
      var label: Int

      init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        name = try container.decode(String.self)
        label = try container.decode(Int.self)
      }
    }

    var files: [String]
    var order: [Sample]
  }

  /// All images of `../shared/data/imagenet-sample`.
  struct Photographs: Decodable {
    var interpolation: String
    var resize: Int
    var crop: Int
    /// SHA-256 of `[N, 3, crop, crop]`.
    var digest: String
  }

  var decoded: [Picture]
  var resized: [Resized]
  /// The same of images that are made grey first.
  var greys: [Resized]
  var tree: Tree
  var photographs: [Photographs]

  static func read() throws -> ImageGoldens {
    let file = Fixtures.url("images.json", module: "Datasets")
    return try JSONDecoder().decode(ImageGoldens.self, from: Data(contentsOf: file))
  }
}
