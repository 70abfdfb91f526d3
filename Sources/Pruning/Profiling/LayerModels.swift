import Allocation
import Devices
import Foundation
import NetworkGraph
import ONNXFormat
import Surgery

/// Layers as models of their own, for devices that measure them one by one.
public struct LayerModels {
  /// One layer to be measured.
  public struct Item: Sendable, Hashable {
    public var file: String
    public var shape: String
    public var input: Int
    public var output: Int
  }

  /// Writes an ONNX file for every shape of layer and pair of channels on a grid of widths, and
  /// `layers.csv`, which lists them: `file,shape,in,out`.
  ///
  /// - Parameters:
  ///   - levels: How many widths of every group, at least 2.
  /// - Returns: What was written, in the order of the list.
  public static func write(
    _ network: Network, settings: ProfileSettings, to folder: URL
  ) throws -> [Item] {
    let groups = network.channelGroups()
    let layers = network.layers(groups: groups)
    let schedule = WidthSchedule(
      groups: groups, layers: layers, multiple: settings.multiple,
      minimumKeepRatio: settings.minimumKeepRatio)
    let steps = max(1, min(settings.levels - 1, schedule.finest))
    let levels = (0...steps).map { $0 * schedule.finest / steps }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    var items: [Item] = []
    var written: Set<String> = []
    for half in 0..<schedule.halves {
      for first in levels {
        for second in levels {
          let widths = schedule.widths(half: half, first, second)
          let missing = layers.filter { layer in
            !layer.hasVariableShape && written.insert(key(layer, widths)).inserted
          }
          guard !missing.isEmpty else { continue }
          var selection = ChannelSelection()
          for group in groups where widths[group.id] < group.width {
            selection.kept[group.id] = Array(0..<widths[group.id])
          }
          let pruned = try network.pruned(selection, groups: groups)
          for layer in missing {
            let file = String(format: "layer-%05d.onnx", items.count)
            try ONNXModel.write(
              pruned.extracting(layer.nodes, name: file), to: folder.appending(path: file))
            items.append(
              Item(
                file: file, shape: layer.shape, input: layer.input.value(widths: widths),
                output: layer.output.value(widths: widths)))
          }
        }
      }
    }
    let lines = items.map { "\($0.file),\"\($0.shape)\",\($0.input),\($0.output)" }
    try Data((["file,shape,in,out"] + lines).joined(separator: "\n").appending("\n").utf8)
      .write(to: folder.appending(path: "layers.csv"), options: .atomic)
    return items
  }

  private static func key(_ layer: NetworkLayer, _ widths: [Int]) -> String {
    "\(layer.shape)|\(layer.input.value(widths: widths))|\(layer.output.value(widths: widths))"
  }
}
