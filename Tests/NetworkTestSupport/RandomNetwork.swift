import NetworkGraph
import TestSupport

/// Grows small networks at random from every operator: valid graphs that nobody would draw.
///
/// A move that does not fit the values at hand is refused by the operator's own shape rule, and
/// another is tried.
public struct RandomNetwork {
  var builder: NetworkBuilder
  var generator: SeededGenerator
  /// Activations to go on from.
  var values: [ValueID]
  /// Read by nobody: they can only be outputs.
  var ends: [ValueID] = []
  private var count = 0

  /// The greatest number of elements of a value, for one image.
  private static let greatest = 1500

  /// A network of four to sixteen moves and one to three outputs.
  public static func network(seed: UInt64) throws -> Network {
    var random = RandomNetwork(seed: seed)
    for _ in 0..<random.among(4...16) { random.move() }
    return random.finished()
  }

  private init(seed: UInt64) {
    generator = SeededGenerator(seed: seed)
    let extents =
      [
        [3, 6, 6], [4, 8, 4], [2, 12], [6, 5, 5], [8, 4, 4],
      ].randomElement(using: &generator) ?? [3, 6, 6]
    builder = NetworkBuilder("seed\(seed)", input: extents, seed: seed &+ 1)
    values = [builder.input]
    if among(0...5) == 0 { values.append(builder.addInput("other", [among(2...6)])) }
    // Most networks begin with a layer of their own width.
    attempt { random in
      let input = random.builder.input
      return try random.layer(input, outputs: random.among(4...8), groups: 1)
    }
  }

  private mutating func finished() -> Network {
    var outputs = [values[values.count - 1]]
    for candidate in ends + values.shuffled(using: &generator).prefix(among(0...1))
    where !outputs.contains(candidate) { outputs.append(candidate) }
    var result = builder.network
    result.outputs = outputs
    return result
  }

  private mutating func move() {
    let moves = Self.moves
    attempt { try moves[Int.random(in: moves.indices, using: &$0.generator)](&$0) }
  }

  /// Tries a move; the network is as before where it does not fit.
  private mutating func attempt(_ move: (inout RandomNetwork) throws -> ValueID?) {
    for _ in 0..<20 {
      var next = self
      next.count += 1
      if let value = try? move(&next),
        next.builder.network[value].shape.elementsPerImage <= Self.greatest
      {
        next.values.append(value)
        self = next
        return
      }
      // Other numbers the next time.
      _ = generator.next()
    }
  }

  // MARK: What moves are made of

  mutating func among(_ range: ClosedRange<Int>) -> Int { .random(in: range, using: &generator) }

  mutating func name(_ word: String) -> String { "\(word)\(builder.network.nodes.count)" }

  /// Any value, more often a late one.
  mutating func some() -> ValueID {
    let recent = values.suffix(3)
    let all = Bool.random(using: &generator) ? values[...] : recent
    return all.randomElement(using: &generator) ?? builder.input
  }

  func shape(_ value: ValueID) -> Shape { builder.network[value].shape }

  /// An axis of a value that is not the batch, and its extent.
  mutating func someAxis(of x: ValueID) throws -> (axis: Int, extent: Int) {
    let shape = shape(x)
    let axes = shape.dimensions.indices.filter { shape[$0] != .batch }
    guard let axis = axes.randomElement(using: &generator), let extent = shape[axis].extent else {
      throw Misfit()
    }
    return (axis, extent)
  }

  mutating func apply(
    _ operation: Operator, _ inputs: [ValueID?], _ word: String
  ) throws -> ValueID {
    try builder.apply(operation, to: inputs, name: name(word))
  }

  /// A move that does not fit.
  struct Misfit: Error {}
}
