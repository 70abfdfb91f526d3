import Foundation
import NetworkGraph
import TestSupport
import Testing

@Suite(.tags(.pure)) struct CostPolynomialCodingTests {
  @Test("equal polynomials are written alike, in whatever order their terms came")
  func oneSpelling() throws {
    let pairs = (0..<40).map { GroupPair($0 % 7, $0 % 11) }
    var forwards = CostPolynomial(constant: 3, linear: [2: 5])
    var backwards = CostPolynomial(constant: 3, linear: [2: 5])
    for pair in pairs { forwards.products[pair] = Int64(pair.first + 10 * pair.second) }
    for pair in pairs.reversed() { backwards.products[pair] = Int64(pair.first + 10 * pair.second) }
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let text = try encoder.encode(forwards)
    #expect(try encoder.encode(backwards) == text)
    #expect(try JSONDecoder().decode(CostPolynomial.self, from: text) == forwards)
  }
}
