import Execution
import TestSupport
import Testing

@Suite(.tags(.pure)) struct MicroBatchesTests {
  @Test("micro-batches cover the images, the last one with the rest")
  func ranges() {
    #expect(MicroBatches(images: 10, size: 4).ranges == [0..<4, 4..<8, 8..<10])
    #expect(MicroBatches(images: 0, size: 4).ranges.isEmpty)
  }
}
