import Foundation
import NetworkGraph
import ONNXFormat
import Quantities
import TestSupport
import Testing

/// The channel groups of real networks.
@Suite(.requiresSharedData, .tags(.pure))
struct SharedModelGroupTests {
  static let files = [
    "resnet8-cifar10", "resnet20-cifar10", "resnet20-cifar10-unsimplified",
    "resnet20-cifar10-folded", "resnet56-cifar10", "mobilenetv1-0.75-imagenet",
    "mobilenetv2-1.0-imagenet",
  ]

  static func network(_ file: String) throws -> Network {
    try ONNXModel.read(Fixtures.shared.appending(path: "models/\(file).onnx"))
  }

  @Test("groups partition the channels of every weight", arguments: files)
  func partition(file: String) throws {
    let network = try Self.network(file)
    expectPartition(network)
    let groups = network.channelGroups()
    let protected = groups.filter { !$0.isPrunable }
    #expect(
      protected.map(\.protection) == ["it is the network's input", "it is the network's output"])
    #expect(protected.map(\.id) == [0, groups.count - 1])
    #expect(Set(groups.map(\.name)).count == groups.count)
  }

  @Test("polynomials at full width are the cost", arguments: files)
  func costs(file: String) throws {
    let network = try Self.network(file)
    let groups = network.channelGroups()
    let model = network.costModel(groups: groups)
    let widths = groups.map(\.width)
    #expect(model.macs.value(widths: widths) == network.cost().macs.count)
    #expect(model.parameters.value(widths: widths) == network.cost().parameters.count)
    #expect(model.modelBytes.value(widths: widths) == network.cost().modelBytes.count)
  }

  @Test("ResNet-8 has a group for each stage and one inside each block")
  func resnet8() throws {
    #expect(
      GroupStructure.all(of: try Self.network("resnet8-cifar10")) == [
        GroupStructure(3, [], [0], isPrunable: false),
        GroupStructure(16, [0, 2], [1, 3, 5]), GroupStructure(16, [1], [2]),
        GroupStructure(32, [3], [4]), GroupStructure(32, [4, 5], [6, 8]),
        GroupStructure(64, [6], [7]), GroupStructure(64, [7, 8], [9]),
        GroupStructure(10, [9], [], isPrunable: false),
      ])
  }

  @Test(
    "every export of ResNet-20 has nine inner groups and three of stages",
    arguments: files.filter { $0.hasPrefix("resnet20") })
  func resnet20(file: String) throws {
    // Layers: 0 is the stem, 2b + 1 and 2b + 2 those of block b, 19 the classifier. The padded
    // shortcuts tie the 16 channels of the first stage to the middle of the second, and so on.
    func inner(_ block: Int, _ width: Int) -> GroupStructure {
      GroupStructure(width, [2 * block + 1], [2 * block + 2])
    }
    func stage(_ width: Int, from producers: [Int], firstReader: Int) -> GroupStructure {
      GroupStructure(width, producers, Array(stride(from: firstReader, to: 19, by: 2)) + [19])
    }
    let network = try Self.network(file)
    #expect(
      GroupStructure.all(of: network) == [
        GroupStructure(3, [], [0], isPrunable: false),
        stage(16, from: Array(stride(from: 0, to: 19, by: 2)), firstReader: 1),
        inner(0, 16), inner(1, 16), inner(2, 16), inner(3, 32),
        stage(16, from: [8, 10, 12, 14, 16, 18], firstReader: 9),
        inner(4, 32), inner(5, 32), inner(6, 64),
        stage(32, from: [14, 16, 18], firstReader: 15),
        inner(7, 64), inner(8, 64),
        GroupStructure(10, [19], [], isPrunable: false),
      ])
    #expect(network.channelGroups().count { $0.isInner && $0.isPrunable } == 9)
  }

  @Test("ResNet-56 has twenty-seven inner groups and three of stages")
  func resnet56() throws {
    let groups = try Self.network("resnet56-cifar10").channelGroups().filter(\.isPrunable)
    #expect(groups.filter { !$0.isInner }.map(\.width) == [16, 16, 32])
    let inner = groups.filter(\.isInner).map(\.width)
    #expect(inner == [16, 32, 64].flatMap { Array(repeating: $0, count: 9) })
  }

  @Test("MobileNet v1 has a group for each pointwise layer, read through a depthwise one")
  func mobileNetV1() throws {
    let groups = try Self.network("mobilenetv1-0.75-imagenet").channelGroups()
    let six = Array(repeating: 384, count: 6)
    #expect(
      groups.map(\.width) == [3, 24, 48, 96, 96, 192, 192] + six + [768, 768, 1000])
    #expect(groups.filter(\.isPrunable).allSatisfy { $0.isInner && $0.consumers.count == 1 })
  }

  @Test("MobileNet v2 has a group for each width of its stages and one inside each block")
  func mobileNetV2() throws {
    let groups = try Self.network("mobilenetv2-1.0-imagenet").channelGroups()
    // The stem; per stage the expansion of its first block, its own width, further expansions.
    let widths = [
      [3, 32, 16], [96, 24, 144], [144, 32, 192, 192], [192, 64, 384, 384, 384],
      [384, 96, 576, 576], [576, 160, 960, 960], [960, 320, 1280, 1000],
    ]
    #expect(groups.map(\.width) == widths.flatMap { $0 })
    let stages = groups.filter { $0.isPrunable && !$0.isInner }
    #expect(stages.map(\.width) == [24, 32, 64, 96, 160])
    #expect(stages.map(\.producers.count) == [2, 3, 4, 3, 3])
  }
}
