import Foundation
import TestSupport
import Testing

@testable import Quantities

@Suite(.tags(.pure))
struct AmountTests {
  @Test(
    "what people write is read",
    arguments: [
      ("60M", .absolute(60e6)), ("400k", .absolute(400e3)), ("400K", .absolute(400e3)),
      ("1.5MB", .absolute(1.5e6)), ("2 GiB", .absolute(2 * 1_073_741_824)),
      ("3KiB", .absolute(3072)), ("12B", .absolute(12)), ("60_000_000", .absolute(60e6)),
      ("1e6", .absolute(1e6)), (" 7 ", .absolute(7)), ("+.5G", .absolute(0.5e9)),
      ("50%", .share(0.5)), ("12.5 %", .share(0.125)), ("0", .absolute(0)),
    ] as [(String, Amount)])
  func reading(text: String, amount: Amount) throws {
    #expect(try Amount(parsing: text) == amount)
  }

  @Test(
    "what cannot be read is refused with its reason",
    arguments: [
      ("", .empty), ("  ", .empty), ("many", .notANumber), ("M", .notANumber),
      ("1,5MB", .unknownUnit),
      ("inf", .notANumber), ("0x10", .unknownUnit), ("1e", .notANumber), ("1.2.3", .notANumber),
      ("e6", .notANumber), ("-1", .negative), ("-0", .negative), ("60m", .unknownUnit),
      ("60Q", .unknownUnit), ("1e19", .tooLarge), ("1e999", .notANumber), ("50%%", .unknownUnit),
      ("5_", .notANumber), ("٣M", .notANumber),
    ] as [(String, QuantityError.Code)])
  func refusing(text: String, code: QuantityError.Code) {
    let error = #expect(throws: QuantityError.self) { try Amount(parsing: text) }
    #expect(error?.code == code)
    #expect(error?.text == text)
  }

  @Test("a refusal quotes the text, says what is wrong and shows examples")
  func message() {
    let error = #expect(throws: QuantityError.self) { try Amount(parsing: "60m", as: .count) }
    #expect(
      error?.message
        == "'60m' is no amount: 'm' is no unit known here (did you mean 'M'?). "
        + "Write for example 60M, 400k, 1500000, 50%.")
  }

  @Test("a count is not written in bytes")
  func dimensions() {
    let error = #expect(throws: QuantityError.self) { try Amount(parsing: "2MiB", as: .count) }
    #expect(error?.code == .wrongDimension)
    #expect(error?.problem.contains("MiB") == true)
  }

  @Test("limits round down, but not for the rounding of a product")
  func limits() {
    #expect(Amount.share(0.5).limit(of: 101) == 50)
    #expect(Amount.share(0.29).limit(of: 100) == 29)
    #expect(Amount.share(1).limit(of: 41_000_000_001) == 41_000_000_001)
    #expect(Amount.absolute(1.9).limit(of: 0) == 1)
    #expect(Amount.absolute(1e19).limit(of: 0) == .max)
  }

  @Test("amounts survive coding and print shortly")
  func coding() throws {
    let amounts = [Amount.absolute(60e6), .share(0.125)]
    let text = try JSONEncoder().encode(amounts)
    #expect(try JSONDecoder().decode([Amount].self, from: text) == amounts)
    #expect(amounts.map(\.description) == ["60.0M", "12.50%"])
  }
}
