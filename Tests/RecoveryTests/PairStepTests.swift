import LinearAlgebra
import Tensors
import TestSupport
import Testing

@testable import Recovery

@Suite("Steps that move two layers together", .tags(.pure))
struct PairStepTests {
  private static func tensor(
    _ samples: Int, _ width: Int, _ generator: inout SeededGenerator
  ) -> Tensor {
    Tensor(
      shape: [samples, width],
      elements: (0..<samples * width).map { _ in Float.random(in: -1...1, using: &generator) })
  }

  @Test(
    "from any weights, the step along what the outputs lack ends at the least squares that lean to them"
  )
  func stepIsNewton() throws {
    var generator = SeededGenerator(seed: 3)
    let geometry = ConsumerGeometry(fullyConnected: 4, outputs: 3)
    let input = Self.tensor(200, 4, &generator)
    let target = Self.tensor(200, 3, &generator)
    var layer = LayerFit(
      "layer", geometry: geometry,
      target: LayerTarget(factors: Array(repeating: 1, count: geometry.outputs)), clamp: nil,
      hasShortcut: false, positionsPerImage: 1)
    try layer.add(
      LayerFit.Samples(input: input, output: ChannelMaps(target), shortcuts: nil), threads: 1)
    let start = (0..<12).map { Float($0) / 6 - 1 }
    let fit = try layer.solved(
      prior: start, centred: true, relativeDamping: 0, inputs: [input], steps: 0)
    var lack = target
    for sample in 0..<200 {
      for output in 0..<3 {
        lack.elements[sample * 3 + output] -= (0..<4).reduce(0) {
          $0 + start[output * 4 + $1] * input.elements[sample * 4 + $1]
        }
      }
    }
    var moments = CrossMoments(fit.curvature, geometry: geometry, positionsPerImage: 1)
    try moments.add(input: input, map: lack)
    let step = try fit.curvature.step(along: moments.finish())
    for place in 0..<12 {
      let reached = Double(start[place]) + step.weights.elements[place]
      #expect(abs(reached - Double(fit.weights[place])) < 1e-5)
    }
    // W u + c with u centred: the constant that is left is the mean of what the weights leave.
    let mean = (0..<3).map { output in
      (0..<200).reduce(0.0) { $0 + Double(lack.elements[$1 * 3 + output]) } / 200
    }
    expectClose(step.constants, mean, tolerance: 1e-6)
  }

  @Test("moments are the sums over all samples, in whatever chunks they come")
  func moments() throws {
    var generator = SeededGenerator(seed: 4)
    let geometry = ConsumerGeometry(fullyConnected: 3, outputs: 2)
    let (input, map) = (Self.tensor(50, 3, &generator), Self.tensor(50, 2, &generator))
    var layer = LayerFit(
      "layer", geometry: geometry,
      target: LayerTarget(factors: Array(repeating: 1, count: geometry.outputs)), clamp: nil,
      hasShortcut: false, positionsPerImage: 1)
    try layer.add(
      LayerFit.Samples(input: input, output: ChannelMaps(map), shortcuts: nil), threads: 1)
    let fit = try layer.solved(
      prior: [Float](repeating: 0, count: 6), centred: true, relativeDamping: 0.1,
      inputs: [input], steps: 0)
    func sums(_ chunks: [Range<Int>]) throws -> LayerStep {
      var moments = CrossMoments(fit.curvature, geometry: geometry, positionsPerImage: 1)
      for chunk in chunks {
        try moments.add(
          input: input.gathering(Array(chunk), axis: 0), map: map.gathering(Array(chunk), axis: 0))
      }
      return try moments.finish()
    }
    let whole = try sums([0..<50])
    #expect(try sums([0..<20, 20..<50]) == whole)
    for output in 0..<2 {
      for column in 0..<3 {
        let expected = (0..<50).reduce(0.0) {
          $0 + Double(map.elements[$1 * 2 + output])
            * (Double(input.elements[$1 * 3 + column]) - fit.curvature.mean[column])
        }
        #expect(abs(whole.weights[output, column] - expected) < 1e-4)
      }
    }
  }

  @Test("a target that lies two and minus three steps away is found there")
  func lengths() {
    var generator = SeededGenerator(seed: 5)
    let values = Self.tensor(20, 5, &generator)
    let (a, b) = (Self.tensor(20, 5, &generator), Self.tensor(20, 5, &generator))
    func moved(_ x: Float, _ y: Float) -> Tensor {
      var result = values
      for place in result.elements.indices {
        result.elements[place] += x * a.elements[place] + y * b.elements[place]
      }
      return result
    }
    var lengths = StepLengths(ClampedMaps(lower: -.infinity, upper: .infinity))
    lengths.add(
      values, first: moved(0.5, 0), stretch: 0.5, second: moved(0, 1), target: moved(2, -3))
    expectClose(lengths.lengths, [2, -3], tolerance: 1e-4)
  }

  @Test("what an activation hides need not change and moves nothing")
  func hidden() {
    let maps = ClampedMaps(lower: 0, upper: 6)
    let values = Tensor(shape: [1, 5], elements: [-2, -2, 3, 3, 8])
    let target = Tensor(shape: [1, 5], elements: [-1, 0, 5, -1, 7])
    #expect(maps.residual(of: values, to: target).elements == [0, 0, 2, -3, 0])
    #expect(maps.loss(of: values, to: target) == 4 + 9)
    let ones = Tensor(shape: [1, 5], repeating: 1)
    #expect(maps.gradient(ones, at: values).elements == [0, 0, 1, 1, 0])
  }

  @Test("conjugate directions end at the minimum of a quadratic after as many as it has unknowns")
  func conjugate() {
    let curvature: [Double] = [1, 7, 40]
    var place: [Double] = [3, -2, 1]
    var directions = ConjugateDirections()
    for _ in 0..<3 {
      let downhill = zip(curvature, place).map { -$0 * $1 }
      // Two layers: the first has two unknowns, a weight and a constant.
      let gradient = [
        LayerStep(
          weights: Matrix(rows: 1, columns: 1, elements: [downhill[0]]), constants: [downhill[1]]),
        LayerStep(weights: Matrix(rows: 1, columns: 1, elements: [downhill[2]]), constants: []),
      ]
      let next = directions.next(gradient, preconditioned: gradient)
      let along = [next[0].weights[0, 0], next[0].constants[0], next[1].weights[0, 0]]
      let length =
        zip(downhill, along).reduce(0) { $0 + $1.0 * $1.1 }
        / zip(curvature, along).reduce(0) { $0 + $1.0 * $1.1 * $1.1 }
      for index in place.indices { place[index] += length * along[index] }
    }
    expectClose(place, [0, 0, 0], tolerance: 1e-12)
  }

  @Test("Adam's first step has elements of one, and later ones are those of the published method")
  func adam() {
    func layer(_ elements: [Double], _ constants: [Double]) -> LayerStep {
      LayerStep(
        weights: Matrix(rows: 1, columns: elements.count, elements: elements),
        constants: constants)
    }
    var directions = AdamDirections()
    let first = directions.next([layer([3, -0.001, 0], [5e9])])
    // Averages are kept in single precision.
    expectClose(first[0].weights.elements + first[0].constants, [1, -1, 0, 1], tolerance: 1e-6)
    let second = directions.next([layer([-1, -0.001, 2], [5e9])])
    // m = 0.9 · 0.3 − 0.1 and v = 0.999 · 0.009 + 0.001, without what their zeros at first make.
    let expected = [
      (0.17 / 0.19) / (0.009991 / 0.001999).squareRoot(), -1,
      (0.2 / 0.19) / (0.004 / 0.001999).squareRoot(), 1,
    ]
    expectClose(second[0].weights.elements + second[0].constants, expected, tolerance: 1e-6)
    // What is too small or too great for it does not move.
    var extremes = AdamDirections()
    #expect(extremes.next([layer([1e-25, 1e25], [])])[0].weights.elements == [0, 0])
  }

  @Test("Adam goes on from what was written down as if nothing had been")
  func adamWritten() throws {
    func gradient(_ step: Double) -> [LayerStep] {
      [
        LayerStep(
          weights: Matrix(rows: 1, columns: 2, elements: [step, 1 / step]), constants: [-step])
      ]
    }
    var directions = AdamDirections()
    for step in 1...3 { _ = directions.next(gradient(Double(step))) }
    var writer = RecordWriter(kind: "TEST", version: 1)
    directions.write(to: &writer)
    var reader = try RecordReader(writer.data, kind: "TEST", version: 1)
    var read = try AdamDirections(from: &reader)
    try reader.finish()
    #expect(read.counts == [[2, 1]])
    #expect(read.next(gradient(4)) == directions.next(gradient(4)))
  }
}
