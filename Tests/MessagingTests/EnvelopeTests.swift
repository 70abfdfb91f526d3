import Digests
import Foundation
import SwiftProtobuf
import TestSupport
import Testing

@testable import Messaging

@Suite("Envelopes", .tags(.pure))
struct EnvelopeTests {
  @Test("every message comes back as it was", arguments: 0..<50 as Range<UInt64>)
  func roundTrip(seed: UInt64) throws {
    var random = RandomMessages(seed: seed)
    var envelopes: [Envelope] = random.workerMessages().map { .worker($0) }
    envelopes += random.coordinatorMessages().map { .coordinator($0) }
    envelopes += random.requests().map { .request(seed &* 0x9E37_79B9_7F4A_7C15, $0) }
    envelopes += random.replies().map { .reply(seed, $0) }
    for envelope in envelopes {
      #expect(try Envelope(decoding: try envelope.encoded()) == envelope)
    }
  }

  @Test("random, truncated and altered bytes are errors or messages, never a trap")
  func garbage() throws {
    var random = RandomMessages(seed: 7)
    for _ in 0..<2000 { _ = try? Envelope(decoding: random.data()) }
    for message in random.workerMessages() {
      let bytes = try Envelope.worker(message).encoded()
      for count in 0..<bytes.count { _ = try? Envelope(decoding: bytes.prefix(count)) }
      for index in bytes.indices {
        var altered = bytes
        altered[index] ^= UInt8.random(in: 1...255, using: &random.generator)
        _ = try? Envelope(decoding: altered)
      }
    }
    #expect(throws: MessagingError.self) { try Envelope(decoding: Data()) }
  }

  @Test("another version of the protocol is refused with both versions and advice")
  func otherVersion() throws {
    var schema = SchemaEnvelope()
    schema.protocolVersion = 9
    let bytes: Data = try schema.serializedBytes()
    let error = #expect(throws: MessagingError.self) { try Envelope(decoding: bytes) }
    #expect(error?.code == .refused)
    #expect(error?.message.contains("version 9") == true)
    #expect(error?.message.contains("install the same version") == true)
  }

  @Test("parts outside their artifact and numbers beyond Int are malformed")
  func nonsense() throws {
    let digest = Digest(of: Data()).hex
    let stores: [(UInt64, UInt64, Int)] = [(5, 4, 0), (0, 3, 4), (UInt64.max, UInt64.max, 0)]
    for (offset, total, count) in stores {
      var schema = SchemaEnvelope()
      schema.protocolVersion = UInt32(ProtocolVersion.current)
      schema.worker.store.digest = digest
      schema.worker.store.offset = offset
      schema.worker.store.total = total
      schema.worker.store.bytes = Data(count: count)
      let bytes: Data = try schema.serializedBytes()
      let error = #expect(throws: MessagingError.self) { try Envelope(decoding: bytes) }
      #expect(error?.code == .malformed)
    }
  }

  @Test("a message that is too large is an error before it is sent")
  func tooLarge() {
    let message = WorkerMessage.completed(
      JobReference(id: 1, attempt: 1), summary: Data(count: 65 << 20), artifacts: [])
    let error = #expect(throws: MessagingError.self) { try Envelope.worker(message).encoded() }
    #expect(error?.code == .messageTooLarge)
  }
}
