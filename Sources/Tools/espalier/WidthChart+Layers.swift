import Drawing
import Foundation
import Quantities
import Surgery

extension WidthChart {
  init(title: String, layers: [LayerWidth]) {
    self.init(
      title: title,
      bars: layers.map { Bar(label: $0.name, before: $0.dense, after: $0.kept) })
  }

  /// - Throws: ``InputError`` where the file cannot be written.
  func write(to file: URL) throws {
    do {
      try Data(svg.utf8).write(to: file, options: .atomic)
    } catch {
      throw InputError(
        "cannot write \(file.path): \(error.systemReason); check space and rights")
    }
    note("widths drawn to \(file.path)")
  }
}
