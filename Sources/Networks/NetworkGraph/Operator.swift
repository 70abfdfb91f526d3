/// An operation of a network, with its attributes; weights are inputs of the node.
///
/// The file of each operator under `Operators/` holds its attributes together with its shape, cost
/// and coupling rule. Amounts that ONNX passes as constant inputs (pads, slices, target shapes,
/// clip bounds) are attributes here: import has evaluated them. What ONNX spells in several ways is
/// one operator here: Squeeze and Unsqueeze are reshapes, Split is slices, a channel shuffle is a
/// gather.
public enum Operator: Sendable, Hashable {
  /// Inputs: x `[N, C, spatial…]`, weight `[O, C / groups, kernel…]`, bias `[O]` (optional).
  case convolution(Convolution)
  /// Inputs: x `[N, C, spatial…]`, weight `[C, O / groups, kernel…]`, bias `[O]` (optional).
  case transposedConvolution(TransposedConvolution)
  /// Inputs: x `[N, K]`, weight, bias (optional).
  case gemm(Gemm)
  /// Inputs: a `[…, M, K]`, b `[…, K, P]`, either of them constant or both activations.
  case matrixProduct(MatrixProduct)
  /// Inputs: x, scale, shift, mean, variance, each `[C]`.
  case batchNormalization(BatchNormalization)
  /// Inputs: x, scale (optional), shift (optional).
  case normalization(Normalization)
  /// Input: x `[N, C, …]`.
  case localResponseNormalization(LocalResponseNormalization)
  /// Input: x. Elementwise.
  case activation(Activation)
  /// Inputs: x, slope that broadcasts to x. max(x, 0) + slope · min(x, 0).
  case parametricRelu
  /// Inputs: a, b with broadcasting.
  case elementwise(Elementwise)
  /// Input: x.
  case softmax(Softmax)
  /// Input: x `[N, C, spatial…]`.
  case pooling(Pooling)
  /// Input: x.
  case reduction(Reduction)
  /// Input: x. The place of the greatest element along an axis.
  case argMax(ArgMax)
  /// Inputs: one or more values, which may be the same.
  case concat(Concat)
  /// Input: x.
  case slice(Slice)
  /// Input: x.
  case gather(Gather)
  /// Input: x.
  case pad(Pad)
  /// Input: x → `[N, …]`, axes from `axis` on become one.
  case flatten(Flatten)
  /// Input: x.
  case reshape(Reshape)
  /// Input: x.
  case transpose(Transpose)
  /// Input: x.
  case expand(Expand)
  /// Input: x.
  case resize(Resize)
  /// Input: x `[N, C, H, W]`.
  case depthToSpace(DepthToSpace)
  /// Input: x `[N, C, H, W]`.
  case spaceToDepth(SpaceToDepth)
  /// Input: x.
  case cast(Cast)
}
