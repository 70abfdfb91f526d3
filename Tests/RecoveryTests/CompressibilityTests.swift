import Foundation
import Recovery
import TestSupport
import Testing

/// The indices by their definitions, and the bounds that follow from them as exact inequalities.
@Suite("Compressibility", .tags(.pure))
struct CompressibilityTests {
  /// Vectors from nearly flat to nearly one-hot.
  private static let vectors: [[Double]] = {
    var generator = SeededGenerator(seed: 4)
    return (0..<200).map { index in
      let power = Double(index % 10) + 0.3
      return (0..<(2 + index % 37)).map { _ in
        pow(Double.random(in: -1...1, using: &generator).magnitude, power)
          * (Bool.random(using: &generator) ? 1 : -1) + 1e-12
      }
    }
  }()

  private func index(_ w: [Double]) throws -> Double {
    try #require(Compressibility.sparsityIndex(w, p: 0.5, q: 1))
  }

  @Test("flat, one-hot and silent vectors have the known values")
  func ends() throws {
    for d in [1, 2, 7, 64] {
      let flat = [Double](repeating: -0.3, count: d)
      let hot = [Double](repeating: 0, count: d - 1) + [5.0]
      #expect(abs(try index(flat)) < 1e-12)
      #expect(abs(try index(hot) - (1 - 1 / Double(d))) < 1e-12)
      let flatCount = try #require(Compressibility.effectiveCount(flat, q: 0.5))
      #expect(abs(flatCount - Double(d)) < 1e-9)
      #expect(abs(try #require(Compressibility.effectiveCount(hot, q: 0.5)) - 1) < 1e-12)
      let ratio = try #require(Compressibility.ratio(flat, q: 0.5))
      #expect(abs(ratio - pow(Double(d), 1 - 1 / 0.5)) < 1e-12)
    }
    #expect(Compressibility.sparsityIndex([0, 0], p: 0.5, q: 1) == nil)
    #expect(Compressibility.effectiveCount([], q: 0.5) == nil)
  }

  @Test("the PQ Index keeps the axioms of sparsity")
  func axioms() throws {
    for w in Self.vectors {
      let value = try index(w)
      #expect(value > -1e-12 && value < 1)
      // Scaling and cloning change nothing.
      #expect(abs(try index(w.map { $0 * -1e-5 }) - value) < 1e-9)
      #expect(abs(try index(w + w) - value) < 1e-9)
      // Robin Hood: from the rich to the poor is less sparse.
      let sizes = w.map(abs)
      let (rich, poor) = (
        try #require(sizes.indices.max { sizes[$0] < sizes[$1] }),
        try #require(sizes.indices.min { sizes[$0] < sizes[$1] })
      )
      if sizes[rich] - sizes[poor] > 1e-6 {
        var shared = sizes
        let gift = 0.25 * (sizes[rich] - sizes[poor])
        shared[rich] -= gift
        shared[poor] += gift
        #expect(try index(shared) < value)
      }
      // Rising tide: the same for all is less sparse, unless all are equal. Babies: one more
      // nothing is sparser.
      if value > 1e-9 { #expect(try index(sizes.map { $0 + 0.5 }) < value) }
      #expect(try index(w + [0]) > value)
      // Bill Gates: one that grows beyond all bounds makes it sparser.
      var wealthy = sizes
      wealthy[rich] += 1e9
      #expect(try index(wealthy) >= value - 1e-9)
    }
  }

  @Test(
    "whatever leaves out little of the mass keeps at least the bounds", arguments: [0.0, 0.5, 1])
  func bounds(eta: Double) throws {
    for w in Self.vectors {
      let sizes = w.map(abs).sorted(by: >)
      for q in [0.25, 0.5, 0.8] {
        let bound = try #require(Compressibility.retainable(w, q: q, eta: eta))
        let same = try #require(Compressibility.retainable(w, p: q, q: 1, eta: eta))
        // The two papers' bounds are one where q is 1.
        #expect(abs(bound - same) < 1e-6 * bound)
        #expect(bound <= Double(w.count) + 1e-6)
        for kept in 1...sizes.count {
          let inside = sizes.prefix(kept).reduce(0) { $0 + pow($1, q) }
          let outside = sizes.dropFirst(kept).reduce(0) { $0 + pow($1, q) }
          if outside <= eta * inside { #expect(Double(kept) >= bound - 1e-6) }
        }
      }
    }
  }

  @Test("the first entries in order of size approximate as the theorem says")
  func approximation() throws {
    for w in Self.vectors {
      let sizes = w.map(abs).sorted(by: >)
      let q = 0.5
      let norm = pow(sizes.reduce(0) { $0 + pow($1, q) }, 1 / q)
      for kept in 1...sizes.count {
        let rest = sizes.dropFirst(kept).reduce(0) { $0 + $1 * $1 }.squareRoot()
        #expect(rest <= norm * pow(Double(kept), 0.5 - 1 / q) + 1e-12)
      }
    }
  }

  @Test("SAP removes no more than nine tenths, and nothing where all is worth keeping")
  func removal() {
    #expect(Compressibility.removable(100, retainable: 100) == 0)
    #expect(Compressibility.removable(100, retainable: 1) == 90)
    #expect(Compressibility.removable(100, retainable: 60) == 40)
    #expect(Compressibility.removable(100, retainable: 60, gamma: 1.5) == 60)
    #expect(Compressibility.removable(0, retainable: 0) == 0)
  }
}
