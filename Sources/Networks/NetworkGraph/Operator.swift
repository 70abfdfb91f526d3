/// An operation of a network, with its attributes; weights are inputs of the node.
///
/// The file of each operator under `Operators/` holds its attributes together with its shape, cost
/// and coupling rule. Amounts that ONNX passes as constant inputs (pads, slices, target shapes,
/// clip bounds) are attributes here: import has evaluated them.
public enum Operator: Sendable, Hashable {
  /// Inputs: x `[N, C, spatial…]`, weight `[O, C / groups, kernel…]`, bias `[O]` (optional).
  case convolution(Convolution)
  /// Inputs: x, scale, shift, mean, variance, each `[C]`.
  case batchNormalization(BatchNormalization)
  /// Input: x. Elementwise.
  case activation(Activation)
  /// Inputs: a, b with broadcasting.
  case add
  /// Input: x `[N, C, spatial…]`.
  case pooling(Pooling)
  /// Input: x. The mean over axes.
  case reduceMean(ReduceMean)
  /// Input: x → `[N, …]`, axes from `axis` on become one.
  case flatten(Flatten)
  /// Input: x.
  case reshape(Reshape)
  /// Inputs: x `[N, K]`, weight, bias (optional).
  case gemm(Gemm)
  /// Input: x.
  case slice(Slice)
  /// Input: x.
  case pad(Pad)
  /// Input: x.
  case softmax(Softmax)
}
