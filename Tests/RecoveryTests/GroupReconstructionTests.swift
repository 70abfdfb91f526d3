import Foundation
import LinearAlgebra
import Recovery
import Tensors
import TestSupport
import Testing

@Suite("Group reconstruction", .tags(.pure)) struct GroupReconstructionTests {
  /// Correlated inputs of `units × size` columns read by a layer of `outputs`.
  private func consumer(
    units: Int, size: Int, extra: Int = 0, outputs: Int = 5, samples: Int = 200, seed: UInt64,
    centred: Bool = true, change: (inout [Float], Int) -> Void = { _, _ in }
  ) throws -> ReconstructionConsumer {
    var generator = SeededGenerator(seed: seed)
    let columns = units * size + extra
    func random(_ count: Int) -> [Float] {
      (0..<count).map { _ in Float.random(in: -1...1, using: &generator) }
    }
    let mixing = random(columns * columns)
    let latent = random(samples * columns)
    var inputs = [Float](repeating: 0.4, count: samples * columns)
    for row in 0..<samples {
      for j in 0..<columns {
        for k in 0..<columns {
          inputs[row * columns + j] += latent[row * columns + k] * mixing[k * columns + j]
        }
      }
    }
    change(&inputs, columns)
    var collector = GramCollector(
      geometry: ConsumerGeometry(fullyConnected: columns, outputs: outputs))
    try collector.add(input: Tensor(shape: [samples, columns], elements: inputs))
    return ReconstructionConsumer(
      name: "layer \(seed)",
      weights: Tensor(shape: [outputs, columns], elements: random(outputs * columns)),
      unitColumns: (0..<units).map { unit in (0..<size).map { unit * size + $0 } },
      gram: try collector.finish(), centred: centred)
  }

  /// H + λ I, W, and ‖W U‖² + λ‖W‖² of a consumer.
  private func problem(
    _ consumer: ReconstructionConsumer, damping: Double = 0.01
  ) -> (h: Matrix, w: Matrix, energy: Double) {
    var h = consumer.gram.matrix(centred: consumer.centred)
    let mean = h.diagonal.reduce(0, +) / Double(h.rows)
    for i in 0..<h.rows { h[i, i] += damping * mean }
    let outputs = consumer.weights.shape[0]
    let w = Matrix(rows: outputs, columns: h.rows, elements: consumer.weights.elements)
    return (h, w, quadratic(w, h))
  }

  /// tr(W H Wᵀ).
  private func quadratic(_ w: Matrix, _ h: Matrix) -> Double {
    zip((w * h).elements, w.elements).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// Direct least squares on the kept columns, by the normal equations: W' on all columns, loss.
  private func direct(
    _ h: Matrix, _ w: Matrix, kept: [Int]
  ) throws -> (weights: Matrix, loss: Double) {
    let solution = try CholeskyFactorization(h.principalSubmatrix(kept))
      .solve((w * h).gathering(columns: kept))
    var dense = Matrix(rows: w.rows, columns: w.columns)
    var difference = w
    for row in 0..<w.rows {
      for (index, column) in kept.enumerated() {
        dense[row, column] = solution[row, index]
        difference[row, column] -= solution[row, index]
      }
    }
    return (dense, quadratic(difference, h))
  }

  @Test(
    "one by one equals direct least squares at every width, with errors that are exact",
    arguments: [1, 3], [1, 4, 100])
  func identities(size: Int, refreshInterval: Int) throws {
    let consumer = try consumer(units: 10, size: size, extra: 4, seed: 1)
    let database = try GroupReconstruction(
      consumers: [consumer], configuration: .init(refreshInterval: refreshInterval)
    ).database(widths: Array(1...10))
    let (h, w, energy) = problem(consumer)
    for width in 1...10 {
      let removed = Set(
        database.removalOrder.prefix(10 - width).flatMap { consumer.unitColumns[$0] })
      let kept = (0..<w.columns).filter { !removed.contains($0) }
      let (weights, loss) = try direct(h, w, kept: kept)
      #expect(abs(database.relativeError[width] - loss / energy) < 1e-11)
      let snapshot = try #require(try database.snapshot(width: width))
      #expect(snapshot.keptUnits == database.keptUnits(width: width))
      #expect(snapshot.consumers[0].keptColumns == kept)
      // The snapshot's weights are single precision.
      expectClose(
        snapshot.consumers[0].denseWeights, weights.elements.map(Float.init), tolerance: 1e-5)
    }
    #expect(try database.snapshot(width: 11) == nil)
  }

  @Test("removing jointly equals removing one by one")
  func joint() throws {
    var consumer = try consumer(units: 10, size: 3, seed: 14)
    let database = try GroupReconstruction(consumers: [consumer]).database(widths: [4])
    let snapshot = try #require(try database.snapshot(width: 4))
    consumer.unitColumns = [
      database.removalOrder.prefix(6).flatMap { consumer.unitColumns[$0] }
    ]
    #expect(try consumer.updateWithout(unit: 0) == snapshot.consumers[0])
  }

  @Test("the first removal is the one that brute force finds")
  func firstRemoval() throws {
    let consumers = try (2...3).map { try consumer(units: 8, size: $0, seed: UInt64($0)) }
    let database = try GroupReconstruction(consumers: consumers).database(widths: [])
    let losses = try (0..<8).map { unit in
      try consumers.reduce(0) { sum, consumer in
        let (h, w, energy) = problem(consumer)
        let kept = (0..<w.columns).filter { !consumer.unitColumns[unit].contains($0) }
        return sum + (try direct(h, w, kept: kept)).loss / energy / 2
      }
    }
    #expect(losses.firstIndex(of: losses.min() ?? 0) == database.removalOrder[0])
    #expect(abs((losses.min() ?? 0) - database.relativeError[7]) < 1e-12)
  }

  @Test("the error never falls as channels go: from 0 to 1")
  func monotone() throws {
    let consumers = try (5...6).map { try consumer(units: 40, size: 2, seed: $0) }
    let database = try GroupReconstruction(
      consumers: consumers, configuration: .init(refreshInterval: 7)
    ).database(widths: [20])
    let errors = database.relativeError
    #expect(errors.count == 41 && errors[40] == 0)
    #expect(abs(errors[0] - 1) < 1e-9)
    #expect(zip(errors, errors.dropFirst()).allSatisfy { $0 >= $1 })
    #expect(Set(database.removalOrder).count == 40)
    let snapshot = try #require(try database.snapshot(width: 20))
    for update in snapshot.consumers { #expect((0..<1).contains(update.relativeError)) }
  }

  @Test("keeping all channels is the identity, bit for bit")
  func identity() throws {
    let consumer = try consumer(units: 6, size: 2, seed: 7)
    let database = try GroupReconstruction(consumers: [consumer]).database(widths: [6])
    let update = try #require(try database.snapshot(width: 6)).consumers[0]
    #expect(update.denseWeights == consumer.weights.elements)
    #expect(update.compactWeights == consumer.weights.elements)
    #expect(update.meanShift.allSatisfy { $0 == 0 } && update.relativeError == 0)
  }

  @Test("the mean shift restores the output's mean", arguments: [true, false])
  func meanShift(centred: Bool) throws {
    let consumer = try consumer(units: 6, size: 2, seed: 8, centred: centred)
    let database = try GroupReconstruction(consumers: [consumer]).database(widths: [3])
    let update = try #require(try database.snapshot(width: 3)).consumers[0]
    let mean = Matrix(rows: 12, columns: 1, elements: consumer.gram.mean)
    let before = Matrix(rows: 5, columns: 12, elements: consumer.weights.elements) * mean
    let after = Matrix(rows: 5, columns: 12, elements: update.denseWeights) * mean
    if centred {
      expectClose(
        zip(after.elements, update.meanShift).map { $0 + $1 }, before.elements, tolerance: 1e-12)
    } else {
      #expect(update.meanShift.allSatisfy { $0 == 0 })
    }
  }

  @Test("channels that do not vary go first and cost nothing")
  func deadColumns() throws {
    let consumer = try consumer(units: 6, size: 2, seed: 9) { inputs, columns in
      for index in inputs.indices {
        // Unit 2 is silent, unit 4 constant and no binary fraction.
        if [4, 5].contains(index % columns) { inputs[index] = 0 }
        if [8, 9].contains(index % columns) { inputs[index] = 1.7 }
      }
    }
    let database = try GroupReconstruction(consumers: [consumer]).database(widths: [4, 5])
    #expect(database.removalOrder.prefix(2) == [2, 4])
    #expect(database.relativeError[4] == 0)
    let five = try #require(try database.snapshot(width: 5)).consumers[0]
    // While it is kept, a constant channel keeps its weights.
    expectClose(
      [0, 1].map { five.denseWeights[8 + $0] }, [0, 1].map { consumer.weights.elements[8 + $0] },
      tolerance: 0)
    let four = try #require(try database.snapshot(width: 4)).consumers[0]
    let lost = consumer.weights.elements[8] + consumer.weights.elements[9]
    #expect(abs(four.meanShift[0] - 1.7 * Double(lost)) < 1e-5)
    #expect(four.relativeError < 1e-12)
  }

  @Test("fewer positions than columns stay finite, and a consumer without input costs nothing")
  func fewSamples() throws {
    let few = try consumer(units: 16, size: 3, samples: 9, seed: 10)
    let silent = try consumer(units: 16, size: 1, seed: 11) { inputs, _ in
      inputs = inputs.map { _ in 0 }
    }
    let database = try GroupReconstruction(consumers: [few, silent]).database(widths: [1, 8, 15])
    #expect(database.relativeError.allSatisfy { $0.isFinite && (0...1.000001).contains($0) })
    for width in database.widths {
      for update in try #require(try database.snapshot(width: width)).consumers {
        #expect(update.compactWeights.allSatisfy { $0.isFinite })
        #expect(update.meanShift.allSatisfy { $0.isFinite })
      }
    }
  }

  @Test("a database is read as it was written, and refused when damaged")
  func records() throws {
    let consumer = try consumer(units: 6, size: 2, seed: 12)
    let database = try GroupReconstruction(consumers: [consumer]).database(widths: [2, 4])
    let data = database.encoded()
    let decoded = try ReconstructionDatabase(decoding: data)
    #expect(decoded == database)
    #expect(decoded.widths == [2, 4])
    #expect(try decoded.snapshot(width: 4) == database.snapshot(width: 4))
    for length in stride(from: 0, to: data.count, by: 13) {
      #expect(throws: RecoveryError.self) {
        try ReconstructionDatabase(decoding: data.prefix(length))
      }
    }
  }

  @Test("parts that do not fit are refused")
  func mismatch() throws {
    var consumer = try consumer(units: 6, size: 2, seed: 13)
    consumer.unitColumns[3] = [0, 1]
    #expect(throws: RecoveryError.self) { try GroupReconstruction(consumers: [consumer]) }
    #expect(throws: RecoveryError.self) { try GroupReconstruction(consumers: []) }
  }

  private struct Golden: Decodable {
    var units: Int
    var size: Int
    var outputs: Int
    var samples: Int
    var inputs: [Float]
    var weights: [Float]
    var removalOrder: [Int]
    var relativeError: [Double]
    var width: Int
    var updated: [Float]
    var meanShift: [Double]
  }

  @Test("order, errors and weights agree with NumPy")
  func golden() throws {
    let golden = try JSONDecoder().decode(
      Golden.self,
      from: try Data(contentsOf: Fixtures.url("reconstruction.json", module: "Recovery")))
    let columns = golden.units * golden.size
    let geometry = ConsumerGeometry(fullyConnected: columns, outputs: golden.outputs)
    var collector = GramCollector(geometry: geometry)
    try collector.add(input: Tensor(shape: [golden.samples, columns], elements: golden.inputs))
    let consumer = ReconstructionConsumer(
      name: "golden", weights: Tensor(shape: [golden.outputs, columns], elements: golden.weights),
      unitColumns: geometry.unitColumns(units: golden.units), gram: try collector.finish(),
      centred: true)
    let database = try GroupReconstruction(consumers: [consumer]).database(widths: [golden.width])
    let update = try #require(try database.snapshot(width: golden.width)).consumers[0]
    #expect(database.removalOrder == golden.removalOrder)
    // Products of the inputs are single precision here, double there.
    expectClose(database.relativeError, golden.relativeError, tolerance: 1e-6)
    expectClose(update.denseWeights, golden.updated, tolerance: 1e-5)
    expectClose(update.meanShift, golden.meanShift, tolerance: 1e-5)
  }
}
