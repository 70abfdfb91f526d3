import Foundation
import NetworkGraph
import NetworkTestSupport
import ONNXFormat
import Quantities
import TestSupport
import Testing

/// What networks cost.
@Suite(.tags(.pure))
struct CostTests {
  /// The facts that `models.json` states, counted there by another program.
  struct Facts: Decodable {
    let file: String
    let macs: Int64
    let params: Int64
  }

  @Test("MACs and parameters of the shared models are those of models.json", .requiresSharedData)
  func sharedModels() throws {
    let folder = Fixtures.shared.appending(path: "models")
    let models = try JSONDecoder().decode(
      [Facts].self, from: Data(contentsOf: folder.appending(path: "models.json")))
    #expect(models.count == 7)
    for model in models {
      let network = try ONNXModel.read(folder.appending(path: model.file))
      let cost = network.cost()
      #expect(cost.macs == MACs(model.macs), "\(model.file)")
      #expect(cost.parameters == ParameterCount(model.params), "\(model.file)")
      #expect(cost.modelBytes.count == Int64(ONNXModel.initializerBytes(network)), "\(model.file)")
    }
  }

  @Test("a small network costs what is counted by hand")
  func byHand() throws {
    var builder = NetworkBuilder("small", input: [3, 4, 4])
    let wide = try builder.convolution(builder.input, outputs: 8, name: "wide")
    let deep = try builder.convolution(wide, outputs: 8, stride: 2, groups: 8, name: "deep")
    let norm = try builder.batchNormalization(deep, name: "norm")
    let network = try builder.classifier(norm)
    let cost = network.cost()
    #expect(cost.macs == MACs(16 * 8 * 3 * 9 + 4 * 8 * 9 + 8 * 3))
    let parameters = (8 * 27 + 8) + (8 * 9 + 8) + 16 + (24 + 3)
    #expect(cost.parameters == ParameterCount(parameters))
    #expect(cost.modelBytes == Bytes(4 * (parameters + 16)))
    #expect(network.macs(of: network.nodes[0]) == 16 * 8 * 27)
    #expect(network.macs(of: network.nodes[2]) == 0)
  }

  @Test("weights that two layers share are stored once and run twice")
  func sharedWeights() throws {
    let network = try CouplingPattern.sharedWeights.network()
    let cost = network.cost()
    #expect(cost.parameters == ParameterCount(8 * 27 + 8 + 64 * 9 + 8 * 3 + 3))
    #expect(cost.macs == MACs(36 * (8 * 27 + 2 * 64 * 9) + 8 * 3))
  }

  @Test("activations are counted from their producer to their last reader")
  func peakOfAChain() throws {
    var builder = NetworkBuilder("chain", input: [3, 4, 4])
    let wide = try builder.convolution(builder.input, outputs: 8, name: "wide")
    #expect(builder.finished(wide).cost().peakActivationBytes == Bytes(4 * (48 + 128)))
    let relu = try builder.relu(wide, name: "relu")
    // The input is dead when the Relu runs.
    #expect(builder.finished(relu).cost().peakActivationBytes == Bytes(4 * (128 + 128)))
    let pool = try builder.globalAverage(relu)
    #expect(builder.finished(pool).cost().peakActivationBytes == Bytes(4 * (128 + 128)))
    // An output stays until the end, wherever it stands.
    let late = try builder.convolution(pool, outputs: 300, kernel: 1, name: "late")
    #expect(builder.finished(late).cost().peakActivationBytes == Bytes(4 * (8 + 300)))
    #expect(builder.finished(wide, late).cost().peakActivationBytes == Bytes(4 * (128 + 8 + 300)))
  }

  @Test("a shortcut is alive across its block")
  func peakOfAResidual() throws {
    var builder = NetworkBuilder("residual", input: [3, 4, 4])
    let stem = try builder.convolution(builder.input, outputs: 8, name: "stem")
    let inner = try builder.convolution(stem, outputs: 20, name: "inner")
    let outer = try builder.convolution(inner, outputs: 8, name: "outer")
    // stem, inner and outer live at once; without the sum stem is dead by then.
    #expect(builder.finished(outer).cost().peakActivationBytes == Bytes(4 * (128 + 320)))
    let sum = try builder.add(stem, outer, name: "sum")
    #expect(builder.finished(sum).cost().peakActivationBytes == Bytes(4 * (128 + 320 + 128)))
  }

  @Test("a value nobody reads, and one that is read twice by a node, are counted once")
  func peakOfOddities() throws {
    var builder = NetworkBuilder("odd", input: [3, 4, 4])
    let stem = try builder.convolution(builder.input, outputs: 8, name: "stem")
    _ = try builder.convolution(stem, outputs: 8, name: "unread")
    let twice = try builder.add(stem, stem, name: "twice")
    #expect(builder.finished(twice).cost().peakActivationBytes == Bytes(4 * (128 + 128)))
    let last = try builder.convolution(twice, outputs: 20, name: "last")
    #expect(builder.finished(last).cost().peakActivationBytes == Bytes(4 * (128 + 320)))
  }

  @Test(
    "a constant that is repeated counts from where it is repeated; a value lives to its last reader"
  )
  func peakOfConstants() throws {
    var builder = NetworkBuilder("repeated", input: [3, 4, 4])
    let stem = try builder.convolution(builder.input, outputs: 8, name: "stem")
    let target = builder.network[stem].shape
    let offsets = try builder.apply(
      .expand(Expand(target: target)), to: [builder.constant("offset", [8, 1, 1])], name: "offsets")
    let sum = try builder.add(stem, offsets, name: "sum")
    // stem, offsets and their sum; the constant itself is a weight.
    #expect(builder.finished(sum).cost().peakActivationBytes == Bytes(4 * 3 * 128))
    let pool = try builder.globalAverage(stem)
    let gated = try builder.multiply(sum, pool, name: "gated")
    // stem waits for the pool.
    #expect(builder.finished(gated).cost().peakActivationBytes == Bytes(4 * 3 * 128))
    let late = try builder.add(gated, stem, name: "late")
    // stem, sum, pool and gated at once.
    #expect(builder.finished(late).cost().peakActivationBytes == Bytes(4 * (3 * 128 + 8)))
  }

  @Test("a polynomial adds a constant, terms in one width and terms in two")
  func polynomial() {
    let cost = CostPolynomial(
      constant: 7, linear: [0: 2, 2: 5],
      products: [GroupPair(1, 0): 3, GroupPair(2, 2): 1])
    #expect(cost.value(widths: [4, 6, 10]) == 7 + 2 * 4 + 5 * 10 + 3 * 24 + 100)
    #expect(GroupPair(5, 3) == GroupPair(3, 5))
    #expect(GroupPair(1, 9) < GroupPair(2, 3))
  }

  @Test("at full width the polynomials are the network's cost", arguments: CouplingPattern.allCases)
  func fullWidth(pattern: CouplingPattern) throws {
    let network = try pattern.network()
    let groups = network.channelGroups()
    let model = network.costModel(groups: groups)
    let widths = groups.map(\.width)
    let cost = network.cost()
    #expect(model.macs.value(widths: widths) == cost.macs.count)
    #expect(model.parameters.value(widths: widths) == cost.parameters.count)
    #expect(model.modelBytes.value(widths: widths) == cost.modelBytes.count)
  }
}
