import Foundation
import NetworkGraph

/// A network as a picture: a box per operation, coloured by the channel groups of what it computes.
///
/// The text is Graphviz's; laying a graph out is left to it.
struct GraphDrawing {
  private let network: Network
  private let groups: [ChannelGroup]
  /// By value: the groups on any of its axes, in order.
  private var owners: [ValueID: [ChannelGroup]] = [:]

  init(_ network: Network, groups: [ChannelGroup]) {
    self.network = network
    self.groups = groups
    for group in groups {
      for value in Set(group.members.map(\.axis.value)) { owners[value, default: []].append(group) }
    }
  }

  /// The graph in the DOT language.
  var dot: String {
    var lines = [
      "digraph network {",
      "  graph [rankdir=TB, ranksep=0.25, nodesep=0.2, fontname=\"Helvetica\"]",
      "  node [shape=box, style=filled, fontname=\"Helvetica\", fontsize=10, margin=\"0.08,0.04\"]",
      "  edge [arrowsize=0.5, color=\"#888888\"]",
    ]
    for input in network.inputs {
      lines.append(
        "  v\(input.index) [shape=oval, \(attributes(of: input, lines: [network[input].name]))]")
    }
    for (index, node) in network.nodes.enumerated() {
      lines.append(
        "  v\(node.output.index) "
          + "[\(attributes(of: node.output, lines: [node.name, node.operation.name]))]")
      for input in Set(network.nodes[index].inputs.compactMap(\.self)).sorted()
      where network.constant(input) == nil {
        lines.append("  v\(input.index) -> v\(node.output.index)")
      }
    }
    for output in network.outputs { lines.append("  v\(output.index) [penwidth=2]") }
    return (lines + legend + ["}"]).joined(separator: "\n") + "\n"
  }

  /// The same as SVG.
  ///
  /// - Throws: ``InputError`` where Graphviz is not installed, or fails.
  func svg() throws -> Data {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "espalier-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (source, picture) = (
      folder.appending(path: "graph.dot"), folder.appending(path: "graph.svg")
    )
    try Data(dot.utf8).write(to: source)
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["dot", "-Tsvg", "-o", picture.path, source.path]
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw InputError(
        "Graphviz's `dot` could not draw the graph (status \(process.terminationStatus)): "
          + "install the package graphviz, or write the graph itself to a file ending in .dot")
    }
    return try Data(contentsOf: picture)
  }

  private func attributes(of value: ValueID, lines: [String]) -> String {
    let groups = owners[value] ?? []
    let colours = groups.map(Self.colour)
    let names = groups.map { "\($0.name): \($0.width)" }.joined(separator: ", ")
    let label = (lines + ["\(network[value].shape)"]).map(Self.escaped).joined(separator: "\\n")
    // Several groups side by side, as concatenation leaves them, are stripes.
    let fill =
      switch Set(colours).count {
      case 0: "fillcolor=white"
      case 1: "fillcolor=\"\(colours[0])\""
      default: "style=striped, fillcolor=\"\(colours.joined(separator: ":"))\""
      }
    return "label=\"\(label)\", \(fill), tooltip=\"\(Self.escaped(names))\""
  }

  /// Protected groups are grey; the others take hues a golden angle apart, which keeps neighbours
  /// in the list far from each other in colour.
  private static func colour(of group: ChannelGroup) -> String {
    guard group.isPrunable else { return "#dddddd" }
    let hue = (Double(group.id) * 0.618_033_988_749_895).truncatingRemainder(dividingBy: 1)
    return String(format: "%.3f 0.350 0.970", hue)
  }

  private var legend: [String] {
    let prunable = groups.filter(\.isPrunable)
    guard !prunable.isEmpty else { return [] }
    let nodes = prunable.map { group in
      "    g\(group.id) [shape=plaintext, fillcolor=\"\(Self.colour(of: group))\", "
        + "label=\"\(Self.escaped(group.name)): \(group.width)\"]"
    }
    return [
      "  subgraph cluster_legend {", "    label=\"channel groups (grey: protected)\"",
      "    fontsize=10",
    ] + nodes
      + ["    " + prunable.map { "g\($0.id)" }.joined(separator: " -> ") + " [style=invis]", "  }"]
  }

  private static func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"")
  }
}
