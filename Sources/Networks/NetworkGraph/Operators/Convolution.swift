/// Convolution over the axes after the channel.
public struct Convolution: Sendable, Hashable {
  /// Per spatial axis.
  public var kernel: [Int]
  public var strides: [Int]
  public var dilations: [Int]
  /// Zeros before and after, per spatial axis.
  public var padsBefore: [Int]
  public var padsAfter: [Int]
  public var groups: Int

  public init(
    kernel: [Int], strides: [Int]? = nil, dilations: [Int]? = nil, padsBefore: [Int]? = nil,
    padsAfter: [Int]? = nil, groups: Int = 1
  ) {
    let ones = kernel.map { _ in 1 }
    let zeros = kernel.map { _ in 0 }
    self.kernel = kernel
    self.strides = strides ?? ones
    self.dilations = dilations ?? ones
    self.padsBefore = padsBefore ?? zeros
    self.padsAfter = padsAfter ?? zeros
    self.groups = groups
  }
}
