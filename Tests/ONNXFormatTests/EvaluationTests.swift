import NetworkGraph
import ONNXFormat
import TestSupport
import Testing

/// Constants computed at import, seen through the pads they end in.
@Suite(.tags(.pure))
struct EvaluationTests {
  /// The pads of `Pad(x, pads)` after `build` has made "pads" from constants.
  private func pads(opset: Int64 = 13, _ build: (inout TinyModel) -> Void) throws -> [Int] {
    var model = TinyModel(opset: opset, input: [nil, 4])
    build(&model)
    model.add("Pad", ["x", "pads"])
    guard case .pad(let pad)? = try model.operation() else { return [] }
    return pad.before + pad.after
  }

  @Test("reversed, reshaped and transposed as PyTorch exports its pads")
  func torchPads() throws {
    let pads = try pads {
      $0.add("amounts", integers: [1, 2, 0, 0])
      $0.add("pairs", integers: [-1, 2])
      $0.add("Reshape", ["amounts", "pairs"], "square")
      $0.add("first", integers: [-1])
      $0.add("last", integers: [.min])
      $0.add("axis", integers: [0])
      $0.add("Slice", ["square", "first", "last", "axis", "first"], "reversed")
      $0.add("Transpose", ["reversed"], "columns", with: ["perm": [1, 0]])
      $0.add("flat", integers: [-1])
      $0.add("Reshape", ["columns", "flat"], "wide")
      $0.add("Cast", ["wide"], "pads", with: ["to": 7])
    }
    #expect(pads == [0, 1, 0, 2])
  }

  @Test("filled, joined and added up")
  func arithmetic() throws {
    let pads = try pads {
      $0.add("two", integers: [2])
      $0.add(
        "ConstantOfShape", ["two"], "sevens", with: ["value": TinyModel.tensor("", integers: [7])])
      $0.add("row", integers: [0, 3])
      $0.add("zero", integers: [0], shape: [])
      $0.add("Mul", ["sevens", "zero"], "zeros")
      $0.add("Sub", ["row", "zeros"], "same")
      $0.add("Div", ["same", "two"], "halves")
      $0.add("Concat", ["halves", "row"], "pads", with: ["axis": -1])
    }
    #expect(pads == [0, 1, 0, 3])
  }

  @Test("a range, taken apart and put together")
  func range() throws {
    let pads = try pads {
      $0.add("start", integers: [3], shape: [])
      $0.add("limit", integers: [-1], shape: [])
      $0.add("delta", integers: [-1], shape: [])
      $0.add("Range", ["start", "limit", "delta"], "range")
      $0.add("order", integers: [3, 1, -1, 0])
      $0.add("Gather", ["range", "order"], "pads")
    }
    #expect(pads == [0, 2, 0, 3])
  }

  @Test("axes come from attributes before opset 13")
  func oldAxes() throws {
    let pads = try pads(opset: 11) {
      $0.add("amounts", integers: [0, 0, 0, 1])
      $0.add("Unsqueeze", ["amounts"], "column", with: ["axes": [0, -1]])
      $0.add("Squeeze", ["column"], "pads", with: ["axes": [0, 2]])
    }
    #expect(pads == [0, 0, 0, 1])
  }

  @Test(
    "a computation that makes no sense is an error, not a trap",
    arguments: [
      ("Div", [1], [0], "divides by zero"), ("Mul", [Int.max], [2], "overflow"),
      ("Gather", [1, 2], [5], "outside axis"), ("Add", [1, 2], [1, 2, 3], "do not broadcast"),
      ("Reshape", [1, 2], [3], "do not fill"), ("Reshape", [1, 2], [.max, .max], "too large"),
      ("Unsqueeze", [1], [9], "does not exist"), ("Squeeze", [1, 2], [0], "not all 1"),
    ] as [(String, [Int], [Int], String)])
  func nonsense(type: String, a: [Int], b: [Int], message: String) throws {
    var model = TinyModel()
    model.add("a", integers: a)
    model.add("b", integers: b)
    model.add(type, ["a", "b"], "pads", name: "sum")
    model.add("Pad", ["x", "pads"])
    let failure = try model.failure()
    #expect(failure.contains(message))
    #expect(failure.contains("graph › node \"sum\" (\(type))"))
  }
}
