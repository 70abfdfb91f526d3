import Drawing
import Foundation
import Surgery

extension WidthChart {
  init(title: String, layers: [LayerWidth]) {
    self.init(
      title: title,
      bars: layers.map { Bar(label: $0.name, before: $0.dense, after: $0.kept) })
  }

  /// - Throws: ``InputError`` where the file cannot be written.
  func write(to file: URL) throws {
    try Data(svg.utf8).writeWhole(to: file.path)
    note("widths drawn to \(file.path)")
  }
}
