import NetworkGraph
import Tensors

/// How the axes of a value `[N, C, spatial…]` lie in memory.
///
/// Whoever hands values from plan to plan, or adds up over all of their elements, need not have them
/// row-major; to bring them into order takes as long as a cheap layer does.
public enum ChannelOrder: Sendable, Hashable {
  /// `[N, C, spatial…]`: row-major.
  case first
  /// `[N, C / block, spatial…, block]`.
  case blocks(Int)
  /// `[N, spatial…, C]`, of values with so many channels and more.
  case last(from: Int = 1)

  /// How many channels lie side by side; nil for a shape that is row-major in any order: with no
  /// batch, no or too many spatial axes, few channels or no whole blocks of them.
  private func block(of shape: Shape) -> Int? {
    guard (3...5).contains(shape.rank), shape.dimensions[0] == .batch,
      shape.dimensions.dropFirst().allSatisfy({ !$0.isBatch })
    else { return nil }
    let channels = shape.dimensions[1].perImage
    switch self {
    case .first: return nil
    case .blocks(let block): return channels.isMultiple(of: block) ? block : nil
    case .last(let fewest): return channels >= fewest ? channels : nil
    }
  }

  /// Whether values of a shape lie in this order; if not, they are row-major.
  public func isKept(for shape: Shape) -> Bool { block(of: shape) != nil }

  /// The extents of a batch of `images` of a shape.
  public func extents(of shape: Shape, images: Int) -> [Int] {
    let extents = shape.resolved(batch: images)
    guard let block = block(of: shape) else { return extents }
    return switch self {
    case .blocks: [extents[0], extents[1] / block] + extents[2...] + [block]
    default: [extents[0]] + extents[2...] + [block]
    }
  }

  /// The extents of what one image has of a shape.
  public func extentsPerImage(of shape: Shape) -> [Int] {
    isKept(for: shape) ? Array(extents(of: shape, images: 1).dropFirst()) : shape.extentsPerImage
  }

  /// A row-major value of a shape in this order.
  public func arranging(_ value: Tensor, of shape: Shape) -> Tensor {
    guard let block = block(of: shape), value.count > 0 else { return value }
    let (images, channels) = (value.shape[0], value.shape[1])
    return value.exchangingAxes(
      [images * channels / block, block, value.count / (images * channels)],
      as: extents(of: shape, images: images))
  }

  /// A value of a shape in this order, row-major again.
  public func rowMajor(_ value: Tensor, of shape: Shape) -> Tensor {
    guard let block = block(of: shape), value.count > 0 else { return value }
    let images = value.shape[0]
    let blocks = images * shape.dimensions[1].perImage / block
    return value.exchangingAxes(
      [blocks, value.count / (blocks * block), block], as: shape.resolved(batch: images))
  }
}

extension Tensor {
  /// The elements, taken for three axes, with the last two of them in the other order.
  fileprivate func exchangingAxes(_ extents: [Int], as shape: [Int]) -> Tensor {
    ReferenceOperators.transpose(reshaped(extents), [0, 2, 1]).reshaped(shape)
  }
}
