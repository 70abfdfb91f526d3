import ArgumentParser
import Foundation
import NetworkGraph
import ONNXFormat

/// How model files are understood.
struct ModelOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The extent of a dynamic axis, by its name or by input and axis, as in image:2=224.",
      valueName: "axis=extent"))
  var bind: [String] = []

  /// - Throws: ``InputError`` where a binding cannot be read, or an axis is bound twice.
  func importing(batch: ImportOptions.Batch = .leading) throws -> ImportOptions {
    let bindings = try bind.map(binding)
    guard Set(bindings.map(\.0)).count == bindings.count else {
      throw InputError("--bind: an axis is bound twice")
    }
    return ImportOptions(batch: batch, bindings: Dictionary(uniqueKeysWithValues: bindings))
  }

  /// Reads a model file; says on standard error what is worth knowing about it.
  func read(_ path: String) throws -> Network {
    let reading = try ONNXModel.reading(URL(filePath: path), options: importing())
    for text in reading.notes { note("\(path): \(text)") }
    return reading.network
  }

  private func binding(_ text: String) throws -> (String, Int) {
    guard let sign = text.lastIndex(of: "="), sign > text.startIndex,
      let extent = Int(text[text.index(after: sign)...]), extent > 0
    else {
      throw InputError("--bind \(text): give an axis and its extent, as in height=224")
    }
    return (String(text[..<sign]), extent)
  }
}
