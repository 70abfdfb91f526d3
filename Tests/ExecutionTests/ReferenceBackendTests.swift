import Execution
import NetworkGraph
import Tensors
import TestSupport
import Testing

@Suite(.tags(.backend)) struct ReferenceBackendTests {
  /// x → relu → flatten → gemm.
  private func network() throws -> (Network, relu: ValueID) {
    var network = Network(name: "small")
    let x = network.addActivation("x", shape: .batched([1, 1, 2]))
    let relu = network.addActivation("relu")
    let flat = network.addActivation("flat")
    let y = network.addActivation("y")
    let weight = network.addConstant("w", Tensor(shape: [1, 2], elements: [2, 3]))
    network.nodes = [
      Node(name: "relu", operation: .activation(.relu), inputs: [x], output: relu),
      Node(name: "flat", operation: .flatten(Flatten()), inputs: [relu], output: flat),
      Node(name: "gemm", operation: .gemm(Gemm()), inputs: [flat, weight], output: y),
    ]
    network.inputs = [x]
    network.outputs = [y]
    try network.inferShapes()
    return (network, relu)
  }

  @Test("a run returns outputs and taps")
  func run() throws {
    let (network, relu) = try network()
    let plan = try ReferenceBackend().plan(network, options: .init(batch: 4, taps: [relu]))
    let result = try plan.run(Tensor(shape: [2, 1, 1, 2], elements: [1, -1, 0, 1]))
    #expect(result.values[relu]?.elements == [1, 0, 0, 1])
    #expect(result.values[network.outputs[0]]?.elements == [2, 3])
  }

  @Test("nodes after the last tap are skipped where outputs are not wanted")
  func skipped() throws {
    let (network, relu) = try network()
    let options = ExecutionOptions(batch: 1, taps: [relu], wantsOutputs: false)
    #expect(try options.executedNodes(of: network) == [0])
  }

  @Test("a batch of another shape, or of too many images, is refused")
  func refused() throws {
    let plan = try ReferenceBackend().plan(try network().0, options: .init(batch: 2))
    for shape in [[1, 1, 1, 3], [3, 1, 1, 2], [0, 1, 1, 2]] {
      #expect(throws: ExecutionError.self) { try plan.run(Tensor(shape: shape)) }
    }
  }

  @Test("results of micro-batches do not depend on the number of threads")
  func microBatches() throws {
    let (network, _) = try network()
    let batches = MicroBatches(images: 7, size: 2)
    let results = try [1, 2, 4].map { threads in
      try batches.map(
        threads: threads, plan: { try ReferenceBackend().plan(network, options: .init(batch: 2)) },
        body: { plan, range in
          let x = Tensor(shape: [range.count, 1, 1, 2], repeating: Float(range.lowerBound))
          return try plan.run(x).values[network.outputs[0]]?.elements ?? []
        })
    }
    #expect(results[0] == [[0, 0], [10, 10], [20, 20], [30]])
    #expect(results[1] == results[0])
    #expect(results[2] == results[0])
  }

  @Test("it says that it computes every node a run needs, and no other")
  func explained() throws {
    let (network, relu) = try network()
    let backend = ReferenceBackend()
    let whole = try backend.explain(network, options: .init(batch: 1))
    #expect(whole == (0..<3).map { NodeExecution(node: $0, computedBy: "reference") })
    let part = try backend.explain(
      network, options: .init(batch: 1, taps: [relu], wantsOutputs: false))
    #expect(part.map(\.node) == [0])
  }

  @Test("the benchmark runs networks with a batch axis and without one")
  func benchmark() throws {
    var (network, _) = try network()
    for shape in [network[network.inputs[0]].shape, Shape([1, 1, 1, 2])] {
      network[network.inputs[0]].shape = shape
      try network.inferShapes()
      let rate = try ForwardBenchmark.imagesPerSecond(
        network: network, backend: ReferenceBackend(), images: 5, microBatch: 2, threads: 1,
        seconds: 0.01)
      #expect(rate > 0)
    }
  }
}
