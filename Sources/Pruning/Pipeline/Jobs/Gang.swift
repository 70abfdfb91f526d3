/// Workers of one machine that make one pass over the data together, each for jobs of its own: gang
/// scheduling (Ousterhout 1982).
///
/// What a job gives does not depend on it. A member that cannot take part, or loses another on the
/// way, does its jobs by itself.
public struct Gang: Sendable {
  /// Of this gang and no other, ever.
  public var name: String
  /// Which of the members this is.
  public var place: Int
  /// What each member is to compute: jobs of one pass.
  public var portions: [[JobRequest]]
  /// What each member may hold, in bytes: all plan by the least.
  public var memory: Int
  /// Threads of each member, at most.
  public var threads: Int

  public init(
    name: String, place: Int, portions: [[JobRequest]], memory: Int, threads: Int
  ) {
    precondition(portions.indices.contains(place), "member \(place) of \(portions.count)")
    self.name = name
    self.place = place
    self.portions = portions
    self.memory = memory
    self.threads = threads
  }
}

/// A part of a gang's computations that it does in one pass.
public struct GangPass<Computation: Sendable>: Sendable {
  /// Of this pass and no other, ever.
  public var name: String
  /// Which of the members this is.
  public var place: Int
  /// By member.
  public var portions: [[Computation]]

  public var own: [Computation] { portions[place] }
}
