/// Says which channels of a group go first.
///
/// Whatever the order, the layers that read the group make up for the loss by least squares, and
/// the error that is left decides the group's width: see ``GroupEvidence/database(by:)``. So
/// criteria differ in the order alone, and are compared under the same recovery.
public protocol ChannelCriterion: Sendable {
  /// As it is written on the command line.
  var name: String { get }
  /// One line for people.
  var summary: String { get }

  /// All units in the order they go; nil to let least squares choose step by step.
  func removalOrder(of group: GroupEvidence) throws -> [Int]?

  /// The least width that is worth considering, where the criterion says one.
  func minimumWidth(of group: GroupEvidence) -> Int?
}

extension ChannelCriterion {
  public func minimumWidth(of group: GroupEvidence) -> Int? { nil }
}

/// Every criterion, by name.
public enum ChannelCriteria {
  public static let all: [any ChannelCriterion] = [
    LeastSquaresCriterion(), MagnitudeCriterion(norm: .l1), MagnitudeCriterion(norm: .l2),
    GeometricMedianCriterion(), NormalisationScaleCriterion(), LassoCriterion(),
    QuadraticCriterion(search: .genetic), QuadraticCriterion(search: .swaps),
    CompensationCriterion(), CompressibilityCriterion(), SparsityIndexCriterion(),
    CapacityCriterion(),
  ]

  /// The one that recipes take if nothing else is asked for.
  public static let standard = LeastSquaresCriterion().name

  public static func named(_ name: String) -> (any ChannelCriterion)? {
    all.first { $0.name == name }
  }
}

/// OBS: the unit goes that least squares on its readers misses least, step by step.
public struct LeastSquaresCriterion: ChannelCriterion {
  public let name = "obs"
  public let summary = "what least squares on the readers misses least, step by step"

  public init() {}

  public func removalOrder(of group: GroupEvidence) -> [Int]? { nil }
}

extension Sequence<Double> {
  /// Places from the least value to the greatest; the first of equal ones first.
  func ascendingPlaces() -> [Int] {
    enumerated().sorted { ($0.element, $0.offset) < ($1.element, $1.offset) }.map(\.offset)
  }
}
