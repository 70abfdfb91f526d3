import NetworkGraph
import ONNXSchema

/// What a file says about the axis of images.
struct BatchAxis: Hashable {
  /// Nil where the size is fixed.
  var name: String?
  var size: Int?
}

/// One input of the graph: its type and shape.
struct InputReader {
  let type: ElementType
  /// What the user should know about its type.
  let note: String?
  private let name: String
  private let dimensions: [Onnx_TensorShapeProto.Dimension]
  private let options: ImportOptions

  init(proto: Onnx_ValueInfoProto, options: ImportOptions) throws {
    name = proto.name
    self.options = options
    guard case .tensorType(let tensor)? = proto.type.value, tensor.hasShape else {
      throw Self.failure(
        name, .unsupported, "it has no shape; export the model with a fixed image size")
    }
    dimensions = tensor.shape.dim
    let stated = Onnx_TensorProto.DataType(rawValue: Int(tensor.elemType)) ?? .undefined
    guard let type = ElementType(stated) else {
      throw Self.failure(
        name, .unsupported,
        "its elements are of type \(stated.name); export the model in float32")
    }
    self.type = type
    note =
      type == .float32 && stated != .float
      ? "input \"\(proto.name)\" is \(stated.name) in the file; it is read and written as float32"
      : nil
  }

  private static func failure(
    _ name: String, _ code: ONNXError.Code, _ message: String
  ) -> ONNXError {
    ONNXError(code, "graph › input \"\(name)\": \(message)")
  }

  func failure(_ code: ONNXError.Code, _ message: String) -> ONNXError {
    Self.failure(name, code, message)
  }

  /// The shape, and what stands for the batch; nil where nothing does.
  ///
  /// - Parameter unbound: Bindings not used so far.
  func shape(using unbound: inout Set<String>) throws -> (BatchAxis?, Shape) {
    var batch: BatchAxis?
    var shape = Shape([Int]())
    for (axis, dimension) in dimensions.enumerated() {
      let extent = fixedExtent(dimension, axis, &unbound)
      if axis == 0, options.batch == .leading {
        let name = dimension.dimParam.isEmpty ? "batch" : dimension.dimParam
        batch = extent.map { BatchAxis(size: $0) } ?? BatchAxis(name: name)
        shape.dimensions.append(.batch)
      } else if let extent, extent <= NodeReader.maximumAttribute * 64 {
        shape.dimensions.append(.fixed(extent))
      } else {
        throw unknownAxis(axis, dimension)
      }
    }
    guard batch != nil || options.batch == .none else {
      throw failure(.unsupported, "it is a single number; its axis 0 must be the batch")
    }
    return (batch, shape)
  }

  private func fixedExtent(
    _ dimension: Onnx_TensorShapeProto.Dimension, _ axis: Int, _ unbound: inout Set<String>
  ) -> Int? {
    if case .dimValue(let extent)? = dimension.value, extent > 0 { return Int(extent) }
    for key in ["\(name):\(axis)", dimension.dimParam] {
      guard let extent = options.bindings[key], extent > 0 else { continue }
      unbound.remove(key)
      return extent
    }
    return nil
  }

  private func unknownAxis(
    _ axis: Int, _ dimension: Onnx_TensorShapeProto.Dimension
  ) -> ONNXError {
    let axisName = dimension.dimParam.isEmpty ? "" : " (\"\(dimension.dimParam)\")"
    let key = dimension.dimParam.isEmpty ? "\(name):\(axis)" : dimension.dimParam
    return failure(
      .unsupported,
      """
      axis \(axis)\(axisName) is dynamic; only axis 0 may be: bind it, as with \
      --bind \(key)=224, or export with a fixed size
      """)
  }
}
