import Foundation
import TestSupport
import Testing

@testable import Catalogue

@Suite("Rendering", .tags(.pure))
struct RenderingTests {
  private var variants: [Variant] {
    var ready = variant("pixel-8", macs: 60_000_000, accuracy: 0.915)
    ready.id = "1234567890ab"
    ready.sweep = "nightly"
    ready.budgets = [
      "macs": .init(limit: 61_000_000, used: 60_000_000),
      "parameters": .init(limit: 400_000, used: 100_000),
    ]
    var none = variant("board, \"small\"")
    none.status = .infeasible
    none.reason = "macs cannot go below 9"
    none.widths = nil
    none.digest = nil
    return [ready, none]
  }

  @Test("the table aligns its columns and prints units")
  func table() throws {
    let text = try VariantRendering.table.render(variants)
    let lines = text.split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines[1].contains("60.0M") && lines[1].contains("91.50 %"))
    #expect(lines[1].contains("macs 98.4 %"))
    #expect(lines[2].hasSuffix("macs cannot go below 9"))
    let end = lines.map { $0.range(of: "DEVICE")?.lowerBound ?? $0.startIndex }[0]
    let place = lines[0].distance(from: lines[0].startIndex, to: end)
    #expect(lines[1].dropFirst(place).hasPrefix("pixel-8"))
    #expect(try VariantRendering.table.render([]) == "no variants\n")
  }

  @Test("JSON has every key, and reads back")
  func json() throws {
    let text = try VariantRendering.json.render(variants)
    let objects = try #require(
      JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]])
    let keys = [
      "id", "sweep", "device", "device_class", "status", "macs", "parameters", "model_bytes",
      "peak_activation_bytes", "accuracy", "accuracy_before", "baseline_accuracy", "objective",
      "bound", "gap", "widths", "digest", "reason",
    ]
    for object in objects { #expect(keys.allSatisfy { object[$0] != nil }) }
    #expect(objects[1]["accuracy"] is NSNull)
    #expect(try JSONDecoder().decode([Variant].self, from: Data(text.utf8)) == variants)
  }

  @Test("CSV quotes what needs it")
  func csv() throws {
    let lines = try VariantRendering.csv.render(variants).components(separatedBy: "\r\n")
    #expect(lines.count == 4 && lines[3].isEmpty)
    #expect(lines[0].hasPrefix("id,sweep,sweep_id,device,device_class,status,reason,macs"))
    #expect(lines[1].contains(",60000000,") && lines[1].contains(",0.915,"))
    #expect(lines[1].contains("\"{\"\"inner\"\":5,\"\"stage1\"\":16}\""))
    #expect(lines[2].contains(",\"board, \"\"small\"\"\","))
  }
}
