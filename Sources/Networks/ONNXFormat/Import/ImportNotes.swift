import ONNXSchema

/// What the user should know about how a file was read.
struct ImportNotes {
  /// Tensors of other precision than float32, counted by type.
  private var converted: [String: Int] = [:]
  private var sentences: [String] = []

  /// Takes note of weights that are not stored as float32.
  mutating func record(_ tensor: Onnx_TensorProto) {
    switch Onnx_TensorProto.DataType(rawValue: Int(tensor.dataType)) {
    case .float16?: converted["float16", default: 0] += 1
    case .bfloat16?: converted["bfloat16", default: 0] += 1
    case .double?: converted["float64", default: 0] += 1
    default: break
    }
  }

  mutating func recordQuantised() { converted["quantised integers", default: 0] += 1 }

  mutating func record(_ sentence: String) {
    if !sentences.contains(sentence) { sentences.append(sentence) }
  }

  var messages: [String] {
    sentences
      + converted.sorted { $0.key < $1.key }.map { type, count in
        "\(count) tensors are stored as \(type); they are computed and written as float32"
      }
  }
}
