import LinearAlgebra
import Tensors
import TestSupport
import Testing

@testable import Recovery

@Suite("Fitting a layer to what its activation lets through", .tags(.pure))
struct LayerFitTests {
  /// A layer of four outputs on six inputs with two of them gone, a shortcut and a clamp.
  struct Problem {
    let geometry = ConsumerGeometry(fullyConnected: 4, outputs: 5)
    let input: Tensor
    let target: Tensor
    let shortcut: Tensor
    let clamp = OutputClamp(
      shift: [0, 0.3, -0.2, 0.1, 0], lower: [0, 0, 0, -.infinity, -.infinity],
      upper: [.infinity, 6, 1, 0, .infinity])
    let prior = [Float](repeating: 0.1, count: 20)

    /// - Parameter noise: The greatest part of the target that no layer can give.
    init(samples: Int = 300, noise size: Float = 1) {
      var generator = SeededGenerator(seed: 5)
      func tensor(_ width: Int) -> Tensor {
        Tensor(
          shape: [samples, width],
          elements: (0..<samples * width).map { _ in Float.random(in: -1...1, using: &generator) })
      }
      let (hidden, noise, weights) = (tensor(4), tensor(5), tensor(5))
      input = hidden
      shortcut = tensor(5)
      target = Tensor(
        shape: [samples, 5],
        elements: (0..<samples * 5).map { place in
          let (row, column) = place.quotientAndRemainder(dividingBy: 5)
          return size * noise.elements[place]
            + (0..<4).reduce(0) {
              $0 + 2 * hidden.elements[row * 4 + $1] * weights.elements[column * 4 + $1]
            }
        })
    }

    func fit(
      steps: Int, chunks: [Range<Int>]? = nil, clamped: Bool = true, threads: Int = 1
    ) throws -> TargetFit {
      var fit = LayerFit(
        "layer", geometry: geometry, target: LayerTarget(factors: [1, 1, 1, 1, 1]),
        clamp: clamped ? clamp : nil, hasShortcut: true, positionsPerImage: 64)
      let ranges = chunks ?? [0..<input.shape[0]]
      func part(_ tensor: Tensor, _ range: Range<Int>) -> Tensor {
        tensor.gathering(Array(range), axis: 0)
      }
      for range in ranges {
        // The same in both networks: nothing to repair.
        let added = ChannelMaps(part(shortcut, range))
        try fit.add(
          LayerFit.Samples(
            input: part(input, range), output: ChannelMaps(part(target, range)),
            shortcuts: (dense: added, own: added)), threads: threads)
      }
      return try fit.solved(
        prior: prior, centred: true, relativeDamping: 1e-6,
        inputs: ranges.map { part(input, $0) },
        steps: steps, threads: threads)
    }

    /// An output with what is added to it, and that alone.
    private func value(
      _ fit: TargetFit, row: Int, output: Int
    ) -> (value: Float, added: Float) {
      let added = shortcut.elements[row * 5 + output] + clamp.shift[output]
      let value = (0..<4).reduce(Float(fit.offsets[output]) + added) {
        $0 + fit.weights[output * 4 + $1] * input.elements[row * 4 + $1]
      }
      return (value, added)
    }

    /// z: what is nearest to the layer's outputs and to the clamped target, less what is added.
    func nearest(_ fit: TargetFit) -> Tensor {
      var outputs = target
      for row in 0..<input.shape[0] {
        for output in 0..<5 {
          let (y, added) = value(fit, row: row, output: output)
          outputs.elements[row * 5 + output] =
            OutputClamp.nearest(
              to: y, target: target.elements[row * 5 + output] + added,
              lower: clamp.lower[output], upper: clamp.upper[output]) - added
        }
      }
      return outputs
    }

    /// Σ (clamp(target) − clamp(output))², and the least
    /// Σ (clamp(target) − clamp(z))² + (z − y)² + λ ‖W − W₀‖².
    func losses(_ fit: TargetFit) -> (clamped: Double, relaxed: Double) {
      let nearest = nearest(fit)
      var (sum, relaxed) = (0.0, 0.0)
      for row in 0..<input.shape[0] {
        for output in 0..<5 {
          let (lower, upper) = (clamp.lower[output], clamp.upper[output])
          let (y, added) = value(fit, row: row, output: output)
          let wanted = target.elements[row * 5 + output] + added
          let z = nearest.elements[row * 5 + output] + added
          func miss(_ value: Float) -> Double {
            Double(min(max(wanted, lower), upper) - min(max(value, lower), upper))
          }
          sum += miss(y) * miss(y)
          relaxed += miss(z) * miss(z) + Double((z - y) * (z - y))
        }
      }
      for (weight, prior) in zip(fit.weights, prior) {
        relaxed += fit.curvature.damping * Double((weight - prior) * (weight - prior))
      }
      return (sum, relaxed)
    }
  }

  @Test("the nearest output to a clamped target is the least of all on a fine grid")
  func nearest() {
    var generator = SeededGenerator(seed: 1)
    for (lower, upper) in [(Float(0), Float.infinity), (-.infinity, 0), (0, 1), (-0.5, 0.7)] {
      for _ in 0..<200 {
        let y = Float.random(in: -3...3, using: &generator)
        let target = Float.random(in: -3...3, using: &generator)
        func cost(_ z: Float) -> Float {
          let miss = min(max(target, lower), upper) - min(max(z, lower), upper)
          return miss * miss + (z - y) * (z - y)
        }
        let z = OutputClamp.nearest(to: y, target: target, lower: lower, upper: upper)
        let least = (-400...400).map { cost(Float($0) / 100) }.min() ?? 0
        #expect(cost(z) <= least + 1e-5, "y \(y), target \(target), bounds \(lower), \(upper)")
      }
    }
  }

  @Test("without steps, or without a clamp, the fit is least squares")
  func plain() throws {
    let problem = Problem()
    let plain = try problem.fit(steps: 4, clamped: false)
    let none = try problem.fit(steps: 0)
    #expect(plain.weights == none.weights && plain.offsets == none.offsets)
    var collector = GramCollector(
      geometry: problem.geometry, targets: 5, positionsPerImage: 64)
    try collector.add(input: problem.input, target: problem.target)
    let direct = try TargetFit(
      "layer", gram: collector.finish(), prior: problem.prior, outputs: 5, centred: true,
      relativeDamping: 1e-6)
    #expect(plain.weights == direct.weights && plain.offsets == direct.offsets)
  }

  @Test("a fit knows how far it is from its target, and one that is near enough stays as it is")
  func near() throws {
    for (noise, isNear) in [(Float(1), false), (0.01, true)] {
      let problem = Problem(samples: 1000, noise: noise)
      let plain = try problem.fit(steps: 0)
      let (rows, mean) = (
        problem.input.shape[0],
        (0..<5).map { output in
          stride(from: output, to: problem.target.count, by: 5).reduce(0.0) {
            $0 + Double(problem.target.elements[$1])
          } / Double(problem.input.shape[0])
        }
      )
      var (missed, power) = (0.0, 0.0)
      for row in 0..<rows {
        for output in 0..<5 {
          let wanted = Double(problem.target.elements[row * 5 + output])
          let given = (0..<4).reduce(plain.offsets[output]) {
            $0 + Double(plain.weights[output * 4 + $1] * problem.input.elements[row * 4 + $1])
          }
          missed += (wanted - given) * (wanted - given)
          power += (wanted - mean[output]) * (wanted - mean[output])
        }
      }
      #expect(abs(plain.relativeError - missed / power) < 1e-5 * max(missed / power, 0.1))
      #expect((plain.relativeError < LayerFit.negligibleError) == isNear)
      #expect((try problem.fit(steps: 4).weights == plain.weights) == isNear)
    }
  }

  @Test("every alternation lowers what it minimises, and what the clamp lets through is nearer")
  func descends() throws {
    let problem = Problem()
    let losses = try [0, 1, 2, 4, 8].map { problem.losses(try problem.fit(steps: $0)) }
    for (before, after) in zip(losses, losses.dropFirst()) {
      #expect(after.relaxed < before.relaxed, "\(losses)")
    }
    #expect(losses[4].clamped < losses[0].clamped, "\(losses)")
  }

  @Test(
    "alternations on a part of the images each end where those on all of them do",
    arguments: [90, 8000])
  func parts(samples: Int) throws {
    let problem = Problem(samples: samples)
    let plain = try problem.fit(steps: 0)
    var whole = plain
    for _ in 0..<4 {
      var collector = GramCollector(geometry: problem.geometry, targets: 5)
      try collector.add(input: problem.input, target: problem.nearest(whole))
      whole = try TargetFit(
        "layer", gram: collector.finish(), prior: problem.prior, outputs: 5, centred: true,
        relativeDamping: 1e-6)
    }
    // Ninety images are too few to be parted: the same but for rounding. Of 8,000, each alternation
    // looks at 2,000.
    let fit = try problem.fit(steps: 4)
    let tolerance: Float = samples < 100 ? 1e-4 : 2e-2
    expectClose(
      Array(fit.weights[..<16]), Array(whole.weights[..<16]), tolerance: tolerance)
    // The last output has no bounds, so there is nothing to alternate.
    #expect(fit.weights[16...] == plain.weights[16...])
  }

  @Test("threads do not matter, nor how the samples of a part come; parts round otherwise")
  func parts() throws {
    let samples = 5 * LayerFit.positionsOfPart / 2
    let problem = Problem(samples: samples)
    let whole = try problem.fit(steps: 3)
    let first = LayerFit.positionsOfPart + 10
    let ranges = [0..<first, first..<2 * first, 2 * first..<samples]
    let parted = try problem.fit(steps: 3, chunks: ranges)
    expectClose(parted.weights, whole.weights, tolerance: 1e-5)
    for threads in [2, 3, 8] {
      let parallel = try problem.fit(steps: 3, chunks: ranges, threads: threads)
      #expect(parallel.weights == parted.weights && parallel.offsets == parted.offsets)
    }
    // The first part is full with its last samples alone.
    let finer = [0..<7, 7..<4000, 4000..<first] + ranges.dropFirst()
    let cut = try problem.fit(steps: 3, chunks: finer, threads: 2)
    #expect(cut.weights == parted.weights && cut.offsets == parted.offsets)
  }

  @Test("outputs without bounds keep their least squares")
  func unbounded() throws {
    let problem = Problem()
    let (plain, clamped) = (try problem.fit(steps: 0), try problem.fit(steps: 4))
    #expect(clamped.weights[16...] == plain.weights[16...])
    #expect(clamped.weights[..<4] != plain.weights[..<4])
  }
}
