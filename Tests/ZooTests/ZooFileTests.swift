import Foundation
import NetworkGraph
import ONNXFormat
import PruningTestSupport
import Surgery
import TestSupport
import Testing

/// Every network of the zoo, from its file and back.
@Suite(.tags(.backend))
struct ZooFileTests {
  @Test("both backends compute what ONNX Runtime does", arguments: ZooNetwork.all)
  func outputs(entry: ZooNetwork) throws {
    let network = try entry.read()
    let inputs = hashedInputs(of: network, batch: 2)
    let expected = try entry.expectedOutputs(of: network)
    for backend in TestBackend.allCases {
      expectAgreement(
        try backend.outputs(of: network, for: inputs), expected, "\(backend)")
    }
  }

  @Test(
    "a written file gives the same outputs and has the plan's widths", arguments: ZooNetwork.all)
  func roundTrip(entry: ZooNetwork) throws {
    let network = try entry.read()
    let groups = network.channelGroups()
    var generator = SeededGenerator(seed: 13)
    for selection in [ChannelSelection(), .randomHalves(groups, using: &generator)] {
      let sliced = try network.pruned(selection, groups: groups)
      let again = try ONNXModel.decode(ONNXModel.encode(sliced), name: entry.name)
      let inputs = hashedInputs(of: network, batch: 2)
      expectAgreement(
        try TestBackend.oneDNN.outputs(of: again, for: inputs),
        try TestBackend.oneDNN.outputs(of: sliced, for: inputs), "\(selection.kept.count) groups")
      #expect(again.cost() == sliced.cost())
      expectWidths(of: again, selection, groups, of: network)
    }
  }

  /// Expects every weight in a file to have lost what the plan says, axis by axis.
  private func expectWidths(
    of file: Network, _ selection: ChannelSelection, _ groups: [ChannelGroup], of dense: Network
  ) {
    var removed: [AxisID: Int] = [:]
    for group in groups {
      let lost = group.width - selection.units(of: group).count
      for member in group.members where dense[member.axis.value].constant != nil {
        removed[member.axis, default: 0] += lost * member.multiplicity
      }
    }
    let values = Dictionary(
      file.values.filter { $0.constant != nil }.map { ($0.name, $0) },
      uniquingKeysWith: { a, _ in a })
    for (axis, lost) in removed {
      let whole = dense[axis.value]
      #expect(
        values[whole.name]?.shape[axis.axis].extent
          == whole.shape[axis.axis].extent.map { $0 - lost },
        "axis \(axis.axis) of \"\(whole.name)\"")
    }
  }

  /// For `scripts/zoo/check`: pruned files and what we compute with them.
  @Test(
    "files for other programs", .enabled(if: outputFolder != nil), arguments: ZooNetwork.all)
  func files(entry: ZooNetwork) throws {
    let folder = URL(filePath: try #require(outputFolder))
    let network = try entry.read()
    let groups = network.channelGroups()
    var generator = SeededGenerator(seed: 17)
    let selections = [
      "dense": ChannelSelection(), "half": .half(groups),
      "random": .randomHalves(groups, using: &generator),
    ]
    for (kind, selection) in selections {
      let sliced = try network.pruned(selection, groups: groups)
      let outputs = try TestBackend.oneDNN.outputs(
        of: sliced, for: hashedInputs(of: sliced, batch: 2))
      try ONNXModel.write(sliced, to: folder.appending(path: "\(entry.name).\(kind).onnx"))
      let bytes = outputs.joined().flatMap { value in
        withUnsafeBytes(of: value.bitPattern.littleEndian, Array.init)
      }
      try Data(bytes).write(to: folder.appending(path: "\(entry.name).\(kind).bin"))
    }
  }
}

/// Where files for other programs are to go.
private let outputFolder = ProcessInfo.processInfo.environment["ESPALIER_ZOO_OUTPUT"]
