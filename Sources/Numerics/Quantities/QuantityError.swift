/// Why an amount could not be read.
public struct QuantityError: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Code: String, Sendable, Hashable {
    case empty, notANumber, negative, unknownUnit, wrongDimension, tooLarge
  }

  public let code: Code
  /// What was written.
  public let text: String
  /// What is wrong with it, as half a sentence: "it is negative".
  public let problem: String
  /// How it would be right.
  public let examples: [String]

  init(_ code: Code, _ text: String, _ problem: String, _ dimension: Amount.Dimension) {
    self.code = code
    self.text = text
    self.problem = problem
    examples =
      switch dimension {
      case .count: ["60M", "400k", "1500000", "50%"]
      case .bytes: ["1.5MB", "2 GiB", "400k", "50%"]
      case .time: ["5ms", "800us", "50%"]
      case .energy: ["2mJ", "350uJ", "50%"]
      }
  }

  public var message: String {
    "'\(text)' is no amount: \(problem). Write for example \(examples.joined(separator: ", "))."
  }

  public var description: String { message }
}
