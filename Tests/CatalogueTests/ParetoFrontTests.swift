import TestSupport
import Testing

@testable import Catalogue

func variant(
  _ device: String, sweep: String = "s", macs: Int64? = nil, accuracy: Double? = nil
) -> Variant {
  var variant = Variant(
    sweepID: sweep, device: device, deviceClass: "phone", status: .ready, model: "resnet",
    modelDigest: String(repeating: "a", count: 64))
  variant.macs = macs
  variant.parameters = macs.map { $0 / 100 }
  variant.modelBytes = macs.map { $0 / 25 }
  variant.accuracy = accuracy
  variant.images = accuracy == nil ? nil : 5000
  variant.widths = ["stage1": 16, "inner": 5]
  variant.digest = String(repeating: "b", count: 64)
  return variant
}

@Suite("Pareto front", .tags(.pure))
struct ParetoFrontTests {
  @Test("the front is what no other variant beats", arguments: 0..<20)
  func agreesWithDefinition(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    let variants = (0..<40).map { index in
      variant(
        "d\(index)", macs: .random(in: 0...9, using: &random),
        accuracy: Double(Int.random(in: 0...9, using: &random)) / 10)
    }
    let front = ParetoFront.of(
      variants, by: try VariantQuery.paretoFields(parsing: "accuracy, macs"))
    let kept = Set(front.map(\.device))
    for one in variants {
      let isBeaten = variants.contains { other in
        let (a, b) = (other.accuracy ?? 0, one.accuracy ?? 0)
        let (m, n) = (other.macs ?? 0, one.macs ?? 0)
        return (a > b && m <= n) || (a >= b && m < n)
      }
      #expect(kept.contains(one.device) == !isBeaten)
    }
  }

  @Test("variants without a value are left out, equal ones stay")
  func edges() throws {
    let variants = [
      variant("a", macs: 1, accuracy: 0.5), variant("b", macs: 1, accuracy: 0.5),
      variant("c", macs: nil, accuracy: 1), variant("d", macs: 0, accuracy: nil),
    ]
    let fields = try VariantQuery.paretoFields(parsing: "accuracy,macs")
    #expect(ParetoFront.of(variants, by: fields).map(\.device) == ["a", "b"])
  }

  @Test(
    "fields that are neither good nor bad make no front",
    arguments: ["device", "acuracy", "accuracy,"])
  func invalid(text: String) {
    #expect(throws: CatalogueError.self) { try VariantQuery.paretoFields(parsing: text) }
  }

  @Test("orders are read in every form")
  func orders() throws {
    #expect(try VariantQuery.Order(parsing: "-accuracy").isDescending)
    #expect(try VariantQuery.Order(parsing: "accuracy DESC").isDescending)
    #expect(try !VariantQuery.Order(parsing: "accuracy asc").isDescending)
    #expect(try VariantQuery.Order(parsing: "device_class").field.name == "device.class")
    for text in ["", "-", "acc desc", "macs up", "macs; drop table variants"] {
      #expect(throws: CatalogueError.self) { try VariantQuery.Order(parsing: text) }
    }
  }
}
