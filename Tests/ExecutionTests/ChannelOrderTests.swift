import Execution
import NetworkGraph
import Tensors
import TestSupport
import Testing

@Suite("Orders of channels", .tags(.pure)) struct ChannelOrderTests {
  /// Numbers that say where they are: 1000 n + 100 c + 10 y + x.
  private static let shape = Shape.batched([8, 2, 3])
  private static let value: Tensor = {
    var value = Tensor(shape: [2, 8, 2, 3])
    for place in value.elements.indices {
      let (n, c) = (place / 48, place / 6 % 8)
      let (y, x) = (place / 3 % 2, place % 3)
      value.elements[place] = Float(1000 * n + 100 * c + 10 * y + x)
    }
    return value
  }()

  @Test("channels lie last, or in blocks, and come back")
  func arranging() {
    let last = ChannelOrder.last().arranging(Self.value, of: Self.shape)
    #expect(last.shape == [2, 2, 3, 8])
    #expect(Array(last.elements[..<10]) == [0, 100, 200, 300, 400, 500, 600, 700, 1, 101])
    let blocks = ChannelOrder.blocks(4).arranging(Self.value, of: Self.shape)
    #expect(blocks.shape == [2, 2, 2, 3, 4])
    #expect(Array(blocks.elements[..<6]) == [0, 100, 200, 300, 1, 101])
    #expect(Array(blocks.elements[24..<28]) == [400, 500, 600, 700])
    for order in [ChannelOrder.first, .last(), .blocks(4), .blocks(8), .blocks(16)] {
      let arranged = order.arranging(Self.value, of: Self.shape)
      #expect(arranged.shape == order.extents(of: Self.shape, images: 2))
      #expect(order.rowMajor(arranged, of: Self.shape) == Self.value)
      #expect(order.isKept(for: Self.shape) == (arranged.shape != Self.value.shape))
    }
  }

  @Test("images, vectors, broken blocks and values without a batch stay row-major")
  func exceptions() {
    let shapes: [(Shape, [ChannelOrder])] = [
      (.batched([3, 4, 4]), [.last(from: 8), .blocks(8)]),
      (.batched([16]), [.last(from: 8), .blocks(8)]),
      (.batched([12, 2]), [.blocks(8)]), (Shape([16, 8, 2]), [.last(from: 8), .blocks(8)]),
      (Shape([.batched(4), .fixed(8), .fixed(2)]), [.last(from: 8), .blocks(8)]),
      (.batched([8, 1, 1, 1, 1]), [.last(from: 8), .blocks(8)]),
    ]
    for (shape, orders) in shapes {
      for order in orders {
        #expect(!order.isKept(for: shape), "\(shape)")
        #expect(order.extents(of: shape, images: 3) == shape.resolved(batch: 3))
        let value = Tensor(shape: shape.resolved(batch: 3), repeating: 1)
        #expect(order.arranging(value, of: shape) == value)
      }
    }
    #expect(ChannelOrder.last(from: 8).isKept(for: .batched([12, 2])))
    #expect(ChannelOrder.last().isKept(for: .batched([3, 4, 4])))
  }
}
