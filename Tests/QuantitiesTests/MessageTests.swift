import Foundation
import TestSupport
import Testing

@testable import Quantities

@Suite("What messages say", .tags(.pure))
struct MessageTests {
  @Test("the system's reason is given in its own words")
  func reasons() {
    func reason(_ path: String) -> String? {
      do {
        _ = try Data(contentsOf: URL(filePath: path))
        return nil
      } catch {
        return error.systemReason
      }
    }
    #expect(reason("/nowhere/at/all") == "No such file or directory")
    #expect(reason("/") == "Is a directory")
    #expect(QuantityError(.unknownUnit, "3x", "no", .bytes).systemReason.isEmpty == false)
  }

  @Test(
    "a misspelt name is told from the known ones",
    arguments: [
      ("mcas", ["macs"]), ("mac", ["macs"]), ("latancy", ["latency"]), ("tpye", ["type"]),
      ("parms", []), ("xyz", []), ("late", ["latency"]),
    ])
  func names(name: String, near: [String]) {
    #expect(nearestNames(to: name, in: ["macs", "latency", "parameters", "type"]) == near)
  }
}
