import Quantities

/// What is wrong with a number, as half a sentence.
struct NumberProblem: Error {
  var problem: String
}

extension Field {
  /// The value of a number with its unit, in the field's own unit.
  func number(_ text: String) throws(NumberProblem) -> Constraint.Literal {
    switch kind {
    case .count: try amount(text, .count)
    case .bytes: try amount(text, .bytes)
    case .time: .number(try seconds(text))
    case .share: .number(try share(text))
    case .number: .number(try plain(text))
    case .text: throw NumberProblem(problem: "\(name) is text")
    }
  }

  private func amount(_ text: String, _ dimension: Amount.Dimension) throws(NumberProblem)
    -> Constraint.Literal
  {
    let amount: Amount
    do {
      amount = try Amount(parsing: text, as: dimension)
    } catch {
      throw NumberProblem(problem: "'\(text)' is no value of \(name): \(error.problem)")
    }
    switch amount {
    case .share: throw NumberProblem(problem: "\(name) is no share, so it has no percent")
    case .absolute(let value): return Int64(exactly: value).map { .whole($0) } ?? .number(value)
    }
  }

  /// A time with its unit.
  private func seconds(_ text: String) throws(NumberProblem) -> Double {
    do {
      guard case .absolute(let value) = try Amount(parsing: text, as: .time) else {
        throw NumberProblem(problem: "\(name) is no share, so it has no percent")
      }
      return value / 1e9
    } catch let error as QuantityError {
      throw NumberProblem(problem: "'\(text)' is no value of \(name): \(error.problem)")
    } catch let error as NumberProblem {
      throw error
    } catch {
      throw NumberProblem(problem: "'\(text)' is no value of \(name)")
    }
  }

  /// A fraction or a percentage; 91.5% is exactly what 0.915 is.
  private func share(_ text: String) throws(NumberProblem) -> Double {
    let isPercent = text.hasSuffix("%")
    let digits = isPercent ? text.dropLast().filter { $0 != " " } + "e-2" : text
    guard let value = Double(digits) else {
      throw NumberProblem(problem: "'\(text)' is no value of \(name), which is a share")
    }
    guard (0...1).contains(value) else {
      throw NumberProblem(
        problem: isPercent
          ? "\(name) lies between 0% and 100%"
          : "\(name) lies between 0 and 1; did you mean \(text)%?")
    }
    return value
  }

  private func plain(_ text: String) throws(NumberProblem) -> Double {
    let digits = text.hasSuffix("%") ? text.dropLast().filter { $0 != " " } + "e-2" : text
    guard let value = Double(digits), value.isFinite else {
      throw NumberProblem(problem: "'\(text)' is no value of \(name), a number without unit")
    }
    return value
  }
}
