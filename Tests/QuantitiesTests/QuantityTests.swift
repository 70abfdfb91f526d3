import Foundation
import TestSupport
import Testing

@testable import Quantities

@Suite(.tags(.pure))
struct QuantityTests {
  @Test(
    "counts print with one decimal and a prefix",
    arguments: [
      (0, "0"), (999, "999"), (1000, "1.0k"), (400_000, "400.0k"), (999_949, "999.9k"),
      (999_950, "1.0M"), (60_000_000, "60.0M"), (-1500, "-1.5k"), (7_000_000_000, "7.0G"),
      (12_000_000_000_000_000, "12000.0T"),
    ] as [(Int64, String)])
  func printing(count: Int64, text: String) {
    #expect(MACs(count).description == text)
    #expect(ParameterCount(count).description == text)
  }

  @Test("bytes print with their unit")
  func printingBytes() {
    #expect(Bytes(Int64(1_500_000)).description == "1.5 MB")
    #expect(Bytes(Int64(12)).description == "12 B")
    #expect((2048 as Bytes).description == "2.0 kB")
  }

  @Test("quantities add, subtract, compare and sum up")
  func arithmetic() {
    let costs: [MACs] = [1, 2, 3]
    #expect(costs.reduce(.zero, +) == 6)
    #expect((5 as Bytes) - 2 == 3)
    #expect((2 as MACs) < 3)
    #expect((30 as MACs).share(of: 120) == 0.25)
    #expect((30 as MACs).share(of: 0) == nil)
  }

  @Test("quantities are coded as plain integers")
  func coding() throws {
    let text = try JSONEncoder().encode(["macs": 60_000_000 as MACs])
    #expect(String(decoding: text, as: UTF8.self) == #"{"macs":60000000}"#)
    #expect(try JSONDecoder().decode([String: MACs].self, from: text)["macs"] == 60_000_000)
  }

  @Test("accuracy is correct over total and prints as percent")
  func accuracy() throws {
    let accuracy = Accuracy(correct: 915, total: 1000)
    #expect(accuracy.fraction == 0.915)
    #expect(accuracy.description == "91.50 %")
    #expect(accuracy < Accuracy(correct: 1, total: 1))
    #expect(Accuracy(fraction: 1.01) == nil)
    #expect(Accuracy(fraction: .nan) == nil)
    let text = try JSONEncoder().encode([accuracy])
    #expect(String(decoding: text, as: UTF8.self) == "[0.915]")
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode([Accuracy].self, from: Data("[2]".utf8))
    }
  }

  @Test(
    "the interval of an accuracy is SciPy's",
    arguments: [
      // binomtest(correct, total).proportion_ci(method="wilson")
      (4575, 5000, 0.9069477420513937, 0.9224150653342088), (0, 10, 0, 0.27753279986288926),
      (10, 10, 0.7224672001371109, 1), (1, 3, 0.06149194472039626, 0.7923403991979523),
      (76, 100, 0.6676766365018553, 0.8330867444305122),
    ])
  func interval(correct: Int, total: Int, low: Double, high: Double) {
    let interval = Accuracy.interval(correct: correct, total: total)
    #expect(abs(interval.lowerBound - low) < 1e-12 && abs(interval.upperBound - high) < 1e-12)
    #expect(interval.contains(Accuracy(correct: correct, total: total).fraction))
  }
}
