import Foundation
import LinearAlgebra
import TestSupport
import Testing

@Suite("Concurrent maps", .tags(.pure)) struct ConcurrentMapTests {
  private struct Failure: Error, Equatable { var index: Int }

  @Test("results come in order for any number of threads", arguments: [1, 2, 8])
  func order(threads: Int) throws {
    let squares = try concurrentMap(count: 100, threads: threads) { $0 * $0 }
    #expect(squares == (0..<100).map { $0 * $0 })
    #expect(try concurrentMap(count: 0, threads: threads) { $0 }.isEmpty)
  }

  @Test("of several failures the first in order is thrown", arguments: [1, 2])
  func failure(threads: Int) {
    #expect(throws: Failure(index: 7)) {
      try concurrentMap(count: 50, threads: threads) { index in
        if index >= 7 { throw Failure(index: index) }
      }
    }
  }
}

@Suite("Records", .tags(.pure)) struct RecordTests {
  private func record() -> Data {
    var writer = RecordWriter(kind: "TEST", version: 3)
    writer.write(5)
    writer.write([1.5, -.infinity])
    writer.write([Float(0.25)])
    writer.write(indices: [0, 9, 4])
    writer.write("Größe")
    writer.write(Data([1, 2]))
    return writer.data
  }

  private func read(_ data: Data, version: UInt32 = 3) throws {
    var reader = try RecordReader(data, kind: "TEST", version: version)
    #expect(try reader.integer(in: 0...5) == 5)
    #expect(try reader.doubles(2) == [1.5, -.infinity])
    #expect(try reader.floats(1) == [0.25])
    #expect(try reader.indices(below: 10) == [0, 9, 4])
    #expect(try reader.text() == "Größe")
    #expect(try reader.blob() == Data([1, 2]))
    try reader.finish()
  }

  @Test("what was written is read, also from a slice of other data")
  func roundTrip() throws {
    try read(record())
    try read((Data([7, 7, 7]) + record()).dropFirst(3))
  }

  @Test("a truncated, prolonged or foreign record is refused")
  func refusals() {
    for length in 0..<record().count {
      #expect(throws: LinearAlgebraError.self) { try read(record().prefix(length)) }
    }
    #expect(throws: LinearAlgebraError.self) { try read(record() + Data([0])) }
    #expect(throws: LinearAlgebraError.self) { try read(record(), version: 4) }
  }
}
