import TestSupport
import Testing

@testable import Catalogue
@testable import Postgres

@Suite("Constraint", .tags(.pure))
struct ConstraintTests {
  private func sql(_ source: String) throws -> String { try Constraint(parsing: source).sql.text }

  @Test(
    "constraints become SQL with bound values",
    arguments: [
      ("macs <= 60M", "(v.macs <= $1)"),
      ("MACs<=60M", "(v.macs <= $1)"),
      ("macs ≤ 60M", "(v.macs <= $1)"),
      ("macs == 60M", "(v.macs = $1)"),
      ("macs != 60M", "not (v.macs = $1)"),
      ("device.class in ('phone','watch')", "(v.device_class in ($1::text, $2::text))"),
      ("device_class = \"phone\"", "(v.device_class = $1::text)"),
      ("status not in ('failed')", "not (v.status in ($1::text))"),
      ("accuracy between 90% and 0.95", "(v.accuracy between $1 and $2)"),
      ("gap not between 0 and 5%", "not (v.gap between $1 and $2)"),
      ("device like 'pixel%'", "(v.device like $1)"),
      ("reason is null", "(v.reason is null)"),
      ("accuracy is not null", "not (v.accuracy is null)"),
      ("macs < 1 or macs > 2 and gap = 0", "((v.macs < $1) or ((v.macs > $2) and (v.gap = $3)))"),
      ("(macs < 1 or macs > 2) and gap = 0", "(((v.macs < $1) or (v.macs > $2)) and (v.gap = $3))"),
      ("not macs < 1 and gap = 0", "(not (v.macs < $1) and (v.gap = $2))"),
      ("not (not macs < 1)", "not not (v.macs < $1)"),
      (
        "sweep = 'nightly'",
        "(s.id = $1::text or (case when s.superseded then s.id else s.name end) = $2::text)"
      ),
    ])
  func translation(source: String, text: String) throws {
    #expect(try sql(source) == text)
  }

  @Test("the example of the manual")
  func manual() throws {
    let constraint = try Constraint(
      parsing: "macs <= 60M and accuracy >= 91.5% and device.class in ('phone','watch')")
    guard case .all(let parts) = constraint, parts.count == 3 else {
      Issue.record("\(constraint)")
      return
    }
    let macs = try Field.required("macs", for: "test")
    let accuracy = try Field.required("accuracy", for: "test")
    #expect(parts[0] == .comparison(macs, .lessOrEqual, .whole(60_000_000)))
    #expect(parts[1] == .comparison(accuracy, .greaterOrEqual, .number(0.915)))
  }

  @Test(
    "literals are read in the field's unit",
    arguments: [
      ("model_bytes <= 1.5MB", Constraint.Literal.whole(1_500_000)),
      ("model_bytes <= 2KiB", .whole(2048)),
      ("macs = 1.5", .number(1.5)),
      ("parameters = 400k", .whole(400_000)),
      ("parameters = 1e6", .whole(1_000_000)),
      ("parameters = 60_000", .whole(60_000)),
      ("accuracy >= 92.96%", .number(0.9296)),
      ("accuracy >= 92.96 %", .number(0.9296)),
      ("accuracy >= .5", .number(0.5)),
      ("accuracy = 1", .number(1)),
      ("objective > -1.5e-3", .number(-0.0015)),
      ("gap <= 0.1%", .number(0.001)),
      ("device = 'it''s'", .text("it's")),
      ("device = '; drop table variants; --'", .text("; drop table variants; --")),
    ])
  func literals(source: String, literal: Constraint.Literal) throws {
    guard case .comparison(_, _, let value) = try Constraint(parsing: source) else {
      Issue.record("no comparison")
      return
    }
    #expect(value == literal)
  }

  @Test(
    "errors say what is wrong, and where",
    arguments: [
      ("acuracy >= 0.9", ConstraintError.Code.unknownField, 0..<7, "did you mean 'accuracy'"),
      ("macs < 1 and modelbytes < 3", .unknownField, 13..<23, "'model_bytes'"),
      ("class = 'phone'", .unknownField, 0..<5, "'device.class'"),
      ("quux = 1", .unknownField, 0..<4, "the fields are macs"),
      ("accuracy >= 60M", .wrongUnit, 12..<15, "a share"),
      ("accuracy >= 91.5", .wrongUnit, 12..<16, "did you mean 91.5%?"),
      ("accuracy >= 120%", .wrongUnit, 12..<16, "between 0% and 100%"),
      ("macs <= 50%", .wrongUnit, 8..<11, "no percent"),
      ("macs <= 60MB", .wrongUnit, 8..<12, "unit of bytes"),
      ("macs <= 60m", .wrongUnit, 8..<11, "did you mean 'M'"),
      ("macs <= -1", .wrongUnit, 8..<10, "negative"),
      ("macs <= '60M'", .wrongUnit, 8..<13, "is a number"),
      ("objective >= 3k", .wrongUnit, 13..<15, "without unit"),
      ("device = 8", .wrongUnit, 9..<10, "quotes"),
      ("device = phone", .unexpected, 9..<14, "'phone'"),
      ("device like phone", .unexpected, 12..<17, "quotes"),
      ("macs like '6%'", .wrongUnit, 5..<9, "compares text"),
      ("macs <=", .unexpected, 7..<7, "a value belongs here"),
      ("macs", .unexpected, 4..<4, "after 'macs'"),
      ("", .unexpected, 0..<0, "a field"),
      ("and macs < 1", .unexpected, 0..<3, "a field"),
      ("macs < 1 or", .unexpected, 11..<11, "a field"),
      ("(macs < 1", .unexpected, 9..<9, "')' belongs here"),
      ("macs < 1)", .unexpected, 8..<9, "'and', 'or' or the end"),
      ("macs < 1 gap < 2", .unexpected, 9..<12, "'and', 'or' or the end"),
      ("device in ()", .unexpected, 11..<12, "a value belongs here"),
      ("device in 'phone'", .unexpected, 10..<17, "'(' belongs here"),
      ("macs between 1, 2", .unexpected, 14..<15, "'and' belongs here"),
      ("macs not < 1", .unexpected, 9..<10, "in, between or like"),
      ("macs is 4", .unexpected, 8..<9, "'null' belongs here"),
      ("60M >= macs", .unexpected, 0..<3, "a field"),
      ("device = 'phone", .malformed, 9..<15, "no closing '"),
      ("macs < 1; drop table variants", .malformed, 8..<9, "';' has no meaning"),
      ("macs < $1", .malformed, 7..<8, "'$'"),
    ] as [(String, ConstraintError.Code, Range<Int>, String)])
  func errors(source: String, code: ConstraintError.Code, place: Range<Int>, words: String) throws {
    let error = #expect(throws: ConstraintError.self) { try Constraint(parsing: source) }
    #expect(error?.code == code)
    #expect(error?.place == place)
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
  }

  @Test("the caret stands below the place")
  func caret() {
    let error = #expect(throws: ConstraintError.self) {
      try Constraint(parsing: "macs < 1\nand acuracy > 2%")
    }
    #expect(
      error?.message.split(separator: "\n").suffix(2).joined(separator: "\n")
        == "  macs < 1 and acuracy > 2%\n               ^~~~~~~")
  }

  @Test("parentheses without end are an error, not a crash")
  func depth() {
    let source = String(repeating: "(", count: 100_000)
    #expect(throws: ConstraintError.self) { try Constraint(parsing: source) }
    #expect(throws: ConstraintError.self) {
      try Constraint(parsing: String(repeating: "not ", count: 100_000) + "macs < 1")
    }
  }
}
