import Tensors

/// A value's place in ``Network/values``.
public struct ValueID: Hashable, Sendable, Comparable {
  public let index: Int

  public init(_ index: Int) { self.index = index }

  public static func < (a: ValueID, b: ValueID) -> Bool { a.index < b.index }
}

/// What the elements of a value are in the file; computation is in 32-bit floats throughout.
public enum ElementType: String, Sendable, Hashable, CaseIterable {
  case float32, int64, int32, int8, uint8, bool
}

/// What flows along an edge: an activation, or a constant with its weights.
public struct Value: Sendable, Hashable {
  /// The ONNX name; unique in a network.
  public var name: String
  /// Inferred by ``Network/inferShapes()`` for activations.
  public var shape: Shape
  /// The elements, where the value is a constant.
  public var constant: Tensor?
  public var elementType = ElementType.float32
}

/// One operation.
public struct Node: Sendable, Hashable {
  /// The ONNX name; made unique on import.
  public var name: String
  public var operation: Operator
  /// Activations first, then weights, in ONNX order; nil where an optional input is left out.
  public var inputs: [ValueID?]
  /// Every operator here has one output.
  public var output: ValueID

  public init(name: String, operation: Operator, inputs: [ValueID?], output: ValueID) {
    self.name = name
    self.operation = operation
    self.inputs = inputs
    self.output = output
  }
}

/// What a model file says about itself, kept from import to export.
public struct ModelMetadata: Sendable, Hashable {
  public var irVersion: Int64 = 8
  public var opset: Int64 = 13
  public var producerName = ""
  public var producerVersion = ""
  public var domain = ""
  public var modelVersion: Int64 = 0
  public var documentation = ""
  /// `metadata_props`.
  public var properties: [String: String] = [:]
  /// The name of the batch axis of inputs and outputs; nil where the file fixes the batch size.
  public var batchName: String? = "batch"
  /// The fixed batch size of the file, where it has one.
  public var batchSize: Int?

  public init() {}
}

/// A trained network: values joined by nodes in topological order.
///
/// Invariants: node inputs are graph inputs, constants or outputs of earlier nodes; each activation
/// has one producer; shapes are those that ``inferShapes()`` gives.
public struct Network: Sendable, Hashable {
  public var name: String
  public var metadata: ModelMetadata
  public internal(set) var values: [Value] = []
  /// In topological order.
  public var nodes: [Node] = []
  /// Activations the caller brings; constants are not among them.
  public var inputs: [ValueID] = []
  public var outputs: [ValueID] = []

  public init(name: String, metadata: ModelMetadata = ModelMetadata()) {
    self.name = name
    self.metadata = metadata
  }

  public subscript(id: ValueID) -> Value {
    get { values[id.index] }
    set { values[id.index] = newValue }
  }

  /// Adds an activation; its shape and type matter only for graph inputs, others are inferred.
  public mutating func addActivation(
    _ name: String, shape: Shape = Shape([Int]()), type: ElementType = .float32
  ) -> ValueID {
    values.append(Value(name: name, shape: shape, constant: nil, elementType: type))
    return ValueID(values.count - 1)
  }

  /// Adds a constant with its elements.
  public mutating func addConstant(_ name: String, _ tensor: Tensor) -> ValueID {
    values.append(Value(name: name, shape: Shape(tensor.shape), constant: tensor))
    return ValueID(values.count - 1)
  }

  /// Tensors by the inputs that they are for, in the order of the inputs.
  public func binding(_ tensors: [Tensor]) -> [ValueID: Tensor] {
    Dictionary(zip(inputs, tensors)) { first, _ in first }
  }

  /// The elements of a constant input, or nil where the input is absent or an activation.
  public func constant(_ id: ValueID?) -> Tensor? { id.flatMap { self[$0].constant } }

  /// The index of the node that produces each value; nil for inputs and constants.
  public func producers() -> [Int?] {
    var result = [Int?](repeating: nil, count: values.count)
    for (index, node) in nodes.enumerated() { result[node.output.index] = index }
    return result
  }

  /// The indices of the nodes that read each value.
  public func consumers() -> [[Int]] {
    var result = [[Int]](repeating: [], count: values.count)
    for (index, node) in nodes.enumerated() {
      for input in node.inputs { if let input { result[input.index].append(index) } }
    }
    return result
  }

  /// The node that alone reads a value, which the network does not return either.
  ///
  /// - Parameter consumers: What ``consumers()`` gives, so that a walk over values asks for it once.
  public func onlyReader(of value: ValueID, consumers: [[Int]]) -> Int? {
    let readers = consumers[value.index]
    return readers.count == 1 && !outputs.contains(value) ? readers[0] : nil
  }
}
