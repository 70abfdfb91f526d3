import NetworkGraph
import Quantities
import Tensors

/// What was counted on some samples; the counts of shards add up.
public struct Evaluation: Sendable, Hashable, Codable {
  public var samples: Int
  /// Samples whose greatest class score is that of their label; nil where there are no labels, or
  /// the network's first output is not class scores.
  public var correct: Int?
  /// Samples whose label is among the five greatest class scores.
  public var correctTop5: Int?
  /// How near the outputs are to the dense network's; nil for the dense network itself.
  public var agreement: Agreement?
  /// What computed it: backend, version and instruction set; more than one where workers differ.
  public var runtimes: [String]

  public init(
    samples: Int = 0, correct: Int? = nil, correctTop5: Int? = nil, agreement: Agreement? = nil,
    runtimes: [String] = []
  ) {
    self.samples = samples
    self.correct = correct
    self.correctTop5 = correctTop5
    self.agreement = agreement
    self.runtimes = runtimes
  }

  /// correct / samples.
  public var accuracy: Double? { share(correct) }
  /// Where the accuracy on all such images lies with 95 % confidence.
  public var accuracyInterval: ClosedRange<Double>? {
    correct.flatMap { samples > 0 ? Accuracy.interval(correct: $0, total: samples) : nil }
  }
  public var accuracyTop5: Double? { share(correctTop5) }
  /// The share of samples that are given the dense network's class.
  public var sameClass: Double? { share(agreement?.sameClass) }
  /// The mean cosine between an output and the dense network's.
  public var cosine: Double? { agreement.map { $0.cosines / Double(max(samples, 1)) } }
  /// The mean squared difference between an output's elements and the dense network's.
  public var squaredError: Double? { agreement.map { $0.squaredErrors / Double(max(samples, 1)) } }

  /// The counts of both; a count that one of them lacks is dropped.
  public static func + (a: Evaluation, b: Evaluation) -> Evaluation {
    guard a.samples > 0, b.samples > 0 else { return a.samples > 0 ? a : b }
    return Evaluation(
      samples: a.samples + b.samples, correct: a.correct.plus(b.correct),
      correctTop5: a.correctTop5.plus(b.correctTop5),
      agreement: a.agreement.flatMap { first in b.agreement.map { first + $0 } },
      runtimes: Set(a.runtimes + b.runtimes).sorted())
  }

  private func share(_ count: Int?) -> Double? {
    count.map { samples == 0 ? 0 : Double($0) / Double(samples) }
  }
}

/// How near a network's outputs are to those of the dense network: sums over samples.
public struct Agreement: Sendable, Hashable, Codable {
  /// Samples that are given the same class; nil where the first output is not class scores.
  public var sameClass: Int?
  /// Σ cosine of the sample's outputs, averaged over the network's outputs.
  public var cosines: Double
  /// Σ mean squared difference of the sample's outputs, averaged over the network's outputs.
  public var squaredErrors: Double

  public init(sameClass: Int?, cosines: Double, squaredErrors: Double) {
    self.sameClass = sameClass
    self.cosines = cosines
    self.squaredErrors = squaredErrors
  }

  static func + (a: Agreement, b: Agreement) -> Agreement {
    Agreement(
      sameClass: a.sameClass.plus(b.sameClass), cosines: a.cosines + b.cosines,
      squaredErrors: a.squaredErrors + b.squaredErrors)
  }

  /// Compares the outputs of as many samples.
  ///
  /// - Parameters:
  ///   - outputs: `[n, …]`, by output of the network.
  ///   - dense: Those of the dense network, in the same shapes.
  ///   - classes: How many classes the first output scores, if it does.
  init(of outputs: [Tensor], with dense: [Tensor], classes: Int?) {
    let samples = outputs.first?.shape.first ?? 0
    self.init(
      sameClass: classes.map { classes in
        zip(outputs[0].predictions(classes), dense[0].predictions(classes)).count { $0 == $1 }
      }, cosines: 0, squaredErrors: 0)
    let weight = 1 / Double(max(outputs.count, 1))
    for (output, dense) in zip(outputs, dense) where samples > 0 {
      let size = output.count / samples
      for start in stride(from: 0, to: output.count, by: size) {
        var (product, ours, theirs, error) = (0.0, 0.0, 0.0, 0.0)
        for place in start..<start + size {
          let (a, b) = (Double(output.elements[place]), Double(dense.elements[place]))
          product += a * b
          ours += a * a
          theirs += b * b
          error += (a - b) * (a - b)
        }
        let norm = (ours * theirs).squareRoot()
        // Two outputs of nothing but zeros are the same; one of them points nowhere.
        cosines += weight * (norm > 0 ? product / norm : (ours == theirs ? 1 : 0))
        squaredErrors += weight * error / Double(size)
      }
    }
  }
}

extension Network {
  /// How many classes the first output scores; nil where it is not one number a class.
  public var classes: Int? {
    guard let output = outputs.first, self[output].shape.rank > 1,
      let count = self[output].shape[1].extent, count > 1,
      self[output].elementType == .float32,
      self[output].shape.elementsPerImage == count
    else { return nil }
    return count
  }
}

extension Tensor {
  /// By row of `classes` scores: the first of equal greatest ones, as NumPy's argmax.
  func predictions(_ classes: Int) -> [Int] { ranked(classes, first: 1).map { $0[0] } }

  /// By row of `classes` scores: the places of the greatest ones, best first.
  func ranked(_ classes: Int, first count: Int) -> [[Int]] {
    stride(from: 0, to: elements.count, by: classes).map { start in
      let row = elements[start..<start + classes]
      var best: [Int] = []
      for place in row.indices {
        let rank = best.firstIndex { row[place] > row[$0] } ?? best.count
        guard rank < count else { continue }
        best.insert(place, at: rank)
        if best.count > count { best.removeLast() }
      }
      return best.map { $0 - start }
    }
  }
}

extension Int? {
  fileprivate func plus(_ other: Int?) -> Int? {
    flatMap { value in other.map { value + $0 } }
  }
}
