import Foundation
import NetworkGraph
import ONNXFormat
import OneDNNBackend
import PruningTestSupport
import Quantities
import Surgery
import Tensors
import TestSupport
import Testing

/// Surgery on real networks.
@Suite(.requiresSharedData, .tags(.backend))
struct SharedModelSurgeryTests {
  struct Model: Sendable, CustomTestStringConvertible {
    let file: String
    let images: Int
    /// Random plans to try.
    let plans: Int
    var testDescription: String { file }

    func network() throws -> Network {
      try ONNXModel.read(Fixtures.shared.appending(path: "models/\(file).onnx"))
    }

    /// CIFAR-10's first test images as the model takes them; noise for the larger models.
    func batch(for network: Network) throws -> Tensor {
      guard file.contains("cifar10") else { return randomImages(images, for: network) }
      let data = try Data(contentsOf: Fixtures.shared.appending(path: "data/cifar10/test.bin"))
      // ResNet-8 takes raw pixels, the others about zero mean and unit variance.
      let (mean, deviation): (Float, Float) = file.hasPrefix("resnet8") ? (0, 1) : (115, 58)
      var elements: [Float] = []
      for image in 0..<images {
        // A byte with the label goes before each image.
        let pixels = data[(image * 3073 + 1)..<((image + 1) * 3073)]
        elements += pixels.map { pixel in (Float(pixel) - mean) / deviation }
      }
      return Tensor(shape: [images, 3, 32, 32], elements: elements)
    }
  }

  static let resnet20 = Model(file: "resnet20-cifar10", images: 4, plans: 3)
  static let models = [
    Model(file: "resnet8-cifar10", images: 8, plans: 4), resnet20,
    Model(file: "resnet20-cifar10-folded", images: 4, plans: 2),
    Model(file: "resnet56-cifar10", images: 2, plans: 2),
    Model(file: "mobilenetv1-0.75-imagenet", images: 1, plans: 1),
    Model(file: "mobilenetv2-1.0-imagenet", images: 1, plans: 1),
  ]

  @Test("sliced and masked networks agree for random plans", arguments: models)
  func randomPlans(model: Model) throws {
    let network = try model.network()
    let groups = network.channelGroups()
    let images = try model.batch(for: network)
    let whole = try TestBackend.oneDNN.outputs(of: network, for: images)
    var generator = SeededGenerator(seed: 31)
    for _ in 0..<model.plans {
      let selection = ChannelSelection.randomHalves(groups, using: &generator)
      try expectAgreement(network, selection, groups, images, whole: whole)
    }
  }

  @Test("sliced and masked networks agree for each group of ResNet-20 at half width")
  func eachGroup() throws {
    let network = try Self.resnet20.network()
    let groups = network.channelGroups()
    let images = try Self.resnet20.batch(for: network)
    let whole = try TestBackend.oneDNN.outputs(of: network, for: images)
    var generator = SeededGenerator(seed: 37)
    let prunable = groups.filter(\.isPrunable)
    #expect(prunable.count == 12)
    for group in prunable {
      let units = group.randomUnits(group.width / 2, using: &generator)
      try expectAgreement(
        network, ChannelSelection(kept: [group.id: units]), groups, images, whole: whole)
    }
  }

  @Test("the backends agree on a pruned network")
  func backends() throws {
    let network = try Self.resnet20.network()
    let groups = network.channelGroups()
    var generator = SeededGenerator(seed: 41)
    let selection = ChannelSelection.random(groups, minimum: 8, using: &generator)
    let sliced = try network.pruned(selection, groups: groups)
    let images = try Self.resnet20.batch(for: network).gathering([0], axis: 0)
    expectSameOutputs(
      try TestBackend.oneDNN.outputs(of: sliced, for: images),
      try TestBackend.reference.outputs(of: sliced, for: images))
  }

  @Test("costs after surgery are what the polynomials say", arguments: models)
  func costs(model: Model) throws {
    let network = try model.network()
    let groups = network.channelGroups()
    let costs = network.costModel(groups: groups)
    var generator = SeededGenerator(seed: 43)
    for _ in 0..<5 {
      let selection = ChannelSelection.random(groups, using: &generator)
      try expectCost(of: network, selection, groups, costs)
    }
  }

  @Test("a pruned network survives its file", arguments: models)
  func roundTrip(model: Model) throws {
    let network = try model.network()
    let groups = network.channelGroups()
    var generator = SeededGenerator(seed: 47)
    let selection = ChannelSelection.random(groups, minimum: 2, using: &generator)
    let sliced = try network.pruned(selection, groups: groups)
    let bytes = try ONNXModel.encode(sliced)
    var again = try ONNXModel.decode(bytes, name: "sliced")
    again.metadata = sliced.metadata
    #expect(again == sliced)
    #expect(bytes.count > ONNXModel.initializerBytes(sliced))
    #expect(ONNXModel.initializerBytes(sliced) < ONNXModel.initializerBytes(network))
    #expect(again.channelGroups() == sliced.channelGroups())
  }

  /// Expects both ways of pruning to give the same outputs, other than those of the whole network.
  private func expectAgreement(
    _ network: Network, _ selection: ChannelSelection, _ groups: [ChannelGroup], _ images: Tensor,
    whole: [[Float]], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let masked = try TestBackend.oneDNN.outputs(
      of: network.masked(selection, groups: groups), for: images)
    let sliced = try TestBackend.oneDNN.outputs(
      of: network.pruned(selection, groups: groups), for: images)
    expectSameOutputs(sliced, masked, sourceLocation: sourceLocation)
    #expect(
      relativeDifference(whole, masked) > visibleChange, sourceLocation: sourceLocation)
  }
}
