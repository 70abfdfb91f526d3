import Foundation

/// Text files that say which class a sample has.
enum LabelFile {
  /// One label in each line, in the order of the samples.
  ///
  /// - Throws: ``DatasetError`` with `unreadable` or `labels`.
  static func labels(_ file: URL) throws(DatasetError) -> [Int] {
    var labels: [Int] = []
    for line in try lines(of: file) {
      guard let label = Int(line.text), label >= 0 else {
        throw line.fault("'\(line.text)' is no label; write one whole number from 0")
      }
      labels.append(label)
    }
    return labels
  }

  /// `name label` in each line, to labels by name; names may have spaces.
  ///
  /// - Throws: ``DatasetError`` with `unreadable` or `labels`.
  static func labelsByName(_ file: URL) throws(DatasetError) -> [FileName: Int] {
    var labels: [FileName: Int] = [:]
    for line in try lines(of: file) {
      guard let gap = line.text.lastIndex(where: \.isWhitespace),
        let label = Int(line.text[gap...].dropFirst()), label >= 0
      else { throw line.fault("'\(line.text)' is no image and its label; write 'cat.jpg 3'") }
      let name = line.text[..<gap].trimmingCharacters(in: .whitespaces)
      guard labels.updateValue(label, forKey: FileName(name)) == nil else {
        throw line.fault("'\(name)' is there twice; remove one of the lines")
      }
    }
    return labels
  }

  /// `index class …` in each line, to indices by class; more words may follow.
  ///
  /// - Throws: ``DatasetError`` with `unreadable` or `labels`.
  static func classes(_ file: URL) throws(DatasetError) -> [FileName: Int] {
    var classes: [FileName: Int] = [:]
    var indices: Set<Int> = []
    for line in try lines(of: file) {
      let words = line.text.split(maxSplits: 2, whereSeparator: \.isWhitespace)
      guard words.count >= 2, let index = Int(words[0]), index >= 0 else {
        throw line.fault("'\(line.text)' is no class; write its index and its name: '0 n01440764'")
      }
      guard classes.updateValue(index, forKey: FileName(words[1])) == nil,
        indices.insert(index).inserted
      else { throw line.fault("class '\(words[1])' or index \(index) is there twice") }
    }
    guard !classes.isEmpty else {
      throw DatasetError(.labels, "\(file.path) names no class; write 'index name' in each line")
    }
    return classes
  }

  private struct Line {
    var file: URL
    /// From 1.
    var number: Int
    var text: String

    func fault(_ message: String) -> DatasetError {
      DatasetError(.labels, "\(file.path):\(number): \(message)")
    }
  }

  /// The lines that are not empty.
  private static func lines(of file: URL) throws(DatasetError) -> [Line] {
    let text: String
    do {
      text = try String(contentsOf: file, encoding: .utf8)
    } catch {
      throw .unreadable(file, error)
    }
    return text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated()
      .map {
        Line(file: file, number: $0 + 1, text: $1.trimmingCharacters(in: .whitespaces))
      }
      .filter { !$0.text.isEmpty }
  }
}
