import Foundation
import TestSupport
import Testing

@testable import Drawing

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite("Width charts", .tags(.pure)) struct WidthChartTests {
  private let chart = WidthChart(
    title: "phone",
    bars: [
      .init(label: "conv<1>", before: 16, after: 16), .init(label: "conv2", before: 64, after: 23),
      .init(label: "conv3", before: 32, after: 1),
    ])

  @Test("every layer has two bars whose lengths are its widths, and its numbers in words")
  func bars() throws {
    let svg = chart.svg
    let bars = svg.split(separator: "\n").filter { $0.contains("<rect x=") }.dropFirst(2)
    func length(_ line: Substring) -> Double? {
      line.firstMatch(of: #/ width="([0-9.]+)"/#).flatMap { Double($0.1) }
    }
    let lengths = bars.compactMap(length)
    // 480 for the widest, 64 channels.
    #expect(lengths == [120, 120, 480, 172.5, 240, 7.5])
    #expect(svg.contains(">64 → 23<") && svg.contains(">32 → 1<") && svg.contains(">16<"))
    #expect(svg.contains("conv&lt;1&gt;") && svg.contains(">phone<"))
  }

  @Test("the drawing is well-formed, with no layers and with hundreds", arguments: [0, 1, 300])
  func wellFormed(count: Int) {
    var chart = chart
    chart.bars = (0..<count).map { .init(label: "layer \($0) & more", before: 8, after: 4) }
    #expect(XMLParser(data: Data(chart.svg.utf8)).parse())
  }
}
