import Foundation
import ONNXFormat
import SwiftProtobuf
import TestSupport
import Testing

/// Files that were cut short or altered: an error or a network, never a trap.
@Suite(.tags(.pure))
struct BrokenFileTests {
  /// A model with constants to evaluate, windows and every kind of field.
  private func bytes() throws -> Data {
    var model = TinyModel(input: [nil, 2, 6, 6])
    model.add("w", floats: (0..<36).map { Float($0) / 36 }, shape: [2, 2, 3, 3])
    model.add(
      "Conv", ["x", "w"], "a", with: ["auto_pad": "SAME_UPPER", "strides": [2, 2], "group": 1])
    for (name, integers) in [("starts", [0]), ("ends", [2]), ("axes", [-1]), ("steps", [1])] {
      model.add(name, integers: integers)
    }
    model.add("Slice", ["a", "starts", "ends", "axes", "steps"], "b")
    model.add("pads", integers: [0, 1, 0, 0, 0, 1, 0, 0])
    model.add("Pad", ["b", "pads"], "c")
    model.add("AveragePool", ["c"], "d", with: ["kernel_shape": [2, 2], "ceil_mode": 1])
    model.add("Shape", ["d"], "shape")
    model.add("zero", integers: [0], shape: [])
    model.add("Gather", ["shape", "zero"], "n")
    model.add("Unsqueeze", ["n", "starts"], "ns")
    model.add("rest", integers: [-1])
    model.add("Concat", ["ns", "rest"], "target", with: ["axis": 0])
    model.add("Reshape", ["d", "target"])
    return try model.proto.serializedData()
  }

  /// The operators whose amounts decide about shapes.
  private func movingBytes() throws -> Data {
    var model = TinyModel(input: [nil, 4, 4, 4])
    model.add("w", floats: Array(repeating: 1, count: 16), shape: [4, 1, 2, 2])
    model.add(
      "ConvTranspose", ["x", "w"], "a",
      with: ["strides": [2, 2], "output_shape": [9, 9], "group": 4])
    for (name, integers) in [("parts", [1, 3]), ("order", [1, -1]), ("repeats", [1, 1, 1, 2])] {
      model.add(name, integers: integers)
    }
    model.add("Split", ["a", "parts"], outputs: ["b", "c"], with: ["axis": 2 - 1])
    model.add("Gather", ["c", "order"], "d", with: ["axis": 1])
    model.add("ReduceMax", ["d"], "e", with: ["axes": [3]])
    model.add("Tile", ["e", "repeats"], "f")
    model.add("scales", floats: [1, 1, 0.5, 2])
    model.add("roi", floats: [])
    model.add("Resize", ["f", "roi", "scales"], "g")
    model.add("SpaceToDepth", ["g"], "h", with: ["blocksize": 2])
    model.add("Softmax", ["h"], "i")
    model.add("pads", integers: [0, 0, 1, 0, 0, 0, -1, 0])
    model.add("Pad", ["i", "pads"], "j")
    model.add("Transpose", ["j"], with: ["perm": [0, 3, 1, 2]])
    return try model.proto.serializedData()
  }

  private func isRead(_ data: Data) -> Bool {
    do {
      _ = try ONNXModel.decode(data, name: "broken.onnx")
      return true
    } catch let error as ONNXError {
      #expect(error.message.hasPrefix("broken.onnx: "))
      return false
    } catch {
      Issue.record("an error of another module: \(error)")
      return false
    }
  }

  @Test("a file cut short at any byte is refused")
  func truncation() throws {
    let data = try bytes()
    #expect(isRead(data))
    // Cut between two fields, a message may still be whole: only crashes are excluded there.
    let read = (0..<data.count).count { isRead(data.prefix($0)) }
    #expect(read <= 3)
  }

  @Test("a file with any byte altered is read or refused")
  func alteration() throws {
    for data in [try bytes(), try movingBytes()] {
      #expect(isRead(data))
      alter(data)
    }
  }

  private func alter(_ data: Data) {
    var generator = SeededGenerator(seed: 7)
    for index in data.indices {
      for bit in [UInt8(1), 0x80, .random(in: 1...255, using: &generator)] {
        var altered = data
        altered[index] ^= bit
        _ = isRead(altered)
      }
    }
  }

  @Test("random bytes are refused")
  func noise() {
    var generator = SeededGenerator(seed: 11)
    for length in 0..<200 {
      let data = Data((0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) })
      #expect(!isRead(data))
    }
  }

  @Test("real files, cut short, are refused", .requiresSharedData)
  func realTruncation() throws {
    let data = try Data(contentsOf: SharedModelTests.url("resnet8-cifar10.onnx"))
    for length in stride(from: 0, to: data.count, by: data.count / 97) {
      #expect(!isRead(data.prefix(length)))
    }
  }

  @Test("a missing file is named")
  func missing() {
    #expect {
      try ONNXModel.read(URL(filePath: "/nowhere/model.onnx"))
    } throws: { error in
      "\(error)".contains("/nowhere/model.onnx: cannot be read")
    }
  }
}
