import Devices
import NetworkGraph

extension GroupVariable {
  /// A channel group of a network, with the operators that write and read it.
  public init(_ group: ChannelGroup, in network: Network) {
    let operators = (group.producers + group.consumers).map { index -> AlignedOperator in
      switch network.nodes[index].operation {
      case .convolution(let convolution): convolution.groups > 1 ? .depthwise : .convolution
      case .transposedConvolution: .convolution
      default: .gemm
      }
    }
    self.init(
      id: group.id, name: group.name, width: group.width, isProtected: !group.isPrunable,
      operators: Set(operators).sorted())
  }
}
