import Foundation
import NetworkGraph
import Quantities
import Surgery

/// What `inspect` says of a network.
struct Inspection: Codable {
  struct Layer: Codable {
    var name: String
    var operation: String
    /// For one image.
    var output: [Int]
    var macs: Int64

    enum CodingKeys: String, CodingKey {
      case name
      case operation = "operator"
      case output, macs
    }
  }

  struct Group: Codable {
    var id: Int
    var name: String
    var width: Int
    /// Layers that write the channels.
    var producers: [String]
    /// Layers that read them.
    var consumers: [String]
    /// Weights and activations that lose elements with a channel: "name, axis".
    var members: [String]
    var prunable: Bool
  }

  /// What computes a node.
  struct Execution: Codable {
    var node: String
    var computedBy: String
    /// The node whose computation includes this one.
    var fusedInto: String?

    enum CodingKeys: String, CodingKey {
      case node
      case computedBy = "computed_by"
      case fusedInto = "fused_into"
    }
  }

  /// What a budget may ask for.
  struct Reach: Codable {
    var least: Int64
    var greatest: Int64
  }

  struct Protection: Codable {
    var group: String
    var width: Int
    var reason: String
  }

  var name: String
  var layers: [Layer]
  var groups: [Group]
  var macs: MACs
  var parameters: ParameterCount
  var modelBytes: Bytes
  var peakActivationBytes: Bytes
  /// By resource: from one channel in every prunable group to all of them.
  var reachable: [String: Reach]
  var protected: [Protection]
  /// Where it was asked for.
  var execution: [Execution]?

  enum CodingKeys: String, CodingKey {
    case name, layers, groups, macs, parameters, reachable, protected, execution
    case modelBytes = "model_bytes"
    case peakActivationBytes = "peak_activation_bytes"
  }

  init(_ network: Network, groups all: [ChannelGroup]) throws {
    let reach = try network.reachableCosts(groups: all)
    let (least, cost) = (reach.least, reach.greatest)
    reachable = [
      "macs": Reach(least: least.macs.count, greatest: cost.macs.count),
      "parameters": Reach(least: least.parameters.count, greatest: cost.parameters.count),
      "model_bytes": Reach(least: least.modelBytes.count, greatest: cost.modelBytes.count),
      "peak_activation_bytes": Reach(
        least: least.peakActivationBytes.count, greatest: cost.peakActivationBytes.count),
    ]
    name = network.name
    macs = cost.macs
    parameters = cost.parameters
    modelBytes = cost.modelBytes
    peakActivationBytes = cost.peakActivationBytes
    layers = network.nodes.map { node in
      Layer(
        name: node.name, operation: node.operation.name,
        output: network[node.output].shape.extentsPerImage,
        macs: network.macs(of: node))
    }
    groups = all.map { group in
      Group(
        id: group.id, name: group.name, width: group.width,
        producers: group.producers.map { network.nodes[$0].name },
        consumers: group.consumers.map { network.nodes[$0].name },
        members: group.members.map { "\(network[$0.axis.value].name), axis \($0.axis.axis)" },
        prunable: group.isPrunable)
    }
    protected = all.compactMap { group in
      group.protection.map { Protection(group: group.name, width: group.width, reason: $0) }
    }
  }

  /// What is left with one channel in every group.
  private var leastText: String {
    func least(_ resource: String) -> Int64 { reachable[resource]?.least ?? 0 }
    return "\(MACs(least("macs"))) MACs, \(ParameterCount(least("parameters"))) parameters, "
      + "\(Bytes(least("model_bytes"))) of weights, "
      + "\(Bytes(least("peak_activation_bytes"))) of activations"
  }

  var table: String {
    var lines = [
      "\(name): \(layers.count) nodes, \(macs) MACs, \(parameters) parameters, "
        + "\(modelBytes) of weights, \(peakActivationBytes) of activations at most",
      "least:  \(leastText)", "",
    ]
    let width = groups.map(\.name.count).max() ?? 0
    for group in groups where group.prunable {
      lines.append(
        "group  \(group.name.padding(toLength: width, withPad: " ", startingAt: 0))  "
          + "\(group.width) channels, read by \(group.consumers.count) layer(s)")
    }
    for one in protected {
      lines.append(
        "fixed  \(one.group.padding(toLength: width, withPad: " ", startingAt: 0))  "
          + "\(one.width) channels: \(one.reason)")
    }
    if let execution {
      let width = execution.map(\.node.count).max() ?? 0
      lines.append("")
      for one in execution {
        lines.append(
          "node   \(one.node.padding(toLength: width, withPad: " ", startingAt: 0))  "
            + (one.fusedInto.map { "fused into \($0)" } ?? one.computedBy))
      }
    }
    return lines.joined(separator: "\n")
  }
}
