import Foundation
import LinearAlgebra
import TestSupport
import Testing

@testable import Drawing

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite("Heat maps", .tags(.pure)) struct HeatMapTests {
  private func map(_ count: Int, label: (Int) -> String = { "layer\($0).relu" }) -> HeatMap {
    var generator = SeededGenerator(seed: 1)
    var values = Matrix.identity(count)
    for i in 0..<count {
      for j in 0..<i {
        values[i, j] = Double.random(in: 0...1, using: &generator)
        values[j, i] = values[i, j]
      }
    }
    return HeatMap(title: "nHSIC", labels: (0..<count).map(label), values: values)
  }

  /// Parses the drawing, and counts elements by name.
  private final class Counter: NSObject, XMLParserDelegate {
    var elements: [String: Int] = [:]
    var texts: [String] = []
    var squares = 0
    var size = (width: 0.0, height: 0.0)
    private var text: String?

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
      qualifiedName: String?, attributes: [String: String]
    ) {
      elements[name, default: 0] += 1
      squares += attributes["d"]?.split(separator: "M").count ?? 0
      if name == "svg" {
        size = (Double(attributes["width"] ?? "") ?? 0, Double(attributes["height"] ?? "") ?? 0)
      }
      if name == "text" { text = "" }
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) { text?.append(string) }

    func parser(
      _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
    ) {
      if let text { texts.append(text) }
      text = nil
    }
  }

  private func parsed(_ map: HeatMap) -> Counter? {
    let counter = Counter()
    let parser = XMLParser(data: Data(map.svg.utf8))
    parser.delegate = counter
    return parser.parse() ? counter : nil
  }

  @Test(
    "there is a cell for every two taps, in a page of readable size", arguments: [2, 9, 55, 200])
  func cells(count: Int) throws {
    let drawing = try #require(parsed(map(count)))
    #expect(drawing.squares == count * count)
    #expect(drawing.size.width < 1200 && drawing.size.height < 1200)
    // Every name once for its row and once for its column, or every so many of many.
    let names = drawing.texts.filter { $0.hasPrefix("layer") }
    #expect(names.count >= 2 * min(count, 55) && names.count <= 2 * count)
    #expect(drawing.texts.contains("nHSIC") && drawing.texts.contains("0.5"))
    #expect(map(count).svg.utf8.count < 1_000_000)
  }

  @Test("names that look like markup stay names, and long ones keep their ends")
  func names() throws {
    let drawing = try #require(
      parsed(
        map(2) {
          $0 == 0 ? "a<b & \"c\"\u{1}" : "start" + String(repeating: "-", count: 60) + "end"
        }))
    #expect(drawing.texts.contains("a<b & \"c\"\u{FFFD}"))
    #expect(
      drawing.texts.contains { $0.hasPrefix("start") && $0.hasSuffix("end") && $0.count == 36 })
  }

  @Test("values outside the range and not numbers are drawn")
  func outliers() throws {
    var map = map(3)
    map.values[0, 1] = -0.2
    map.values[1, 0] = 1.5
    map.values[2, 0] = .nan
    map.values[0, 2] = .infinity
    let drawing = try #require(parsed(map))
    #expect(drawing.squares == 9)
    #expect(map.svg.contains("#bbbbbb") && drawing.texts.contains("–"))
  }

  @Test("the scale runs over viridis")
  func colours() {
    #expect(HeatMap.colour(0) == "#440154")
    #expect(HeatMap.colour(0.5) == "#21918c")
    #expect(HeatMap.colour(1) == "#fde725")
    #expect(HeatMap.colour(7) == HeatMap.colour(1))
  }
}
