import Foundation
import SwiftProtobuf

/// The version of the protocol.
public enum ProtocolVersion {
  public static let current = 4
}

/// One ZeroMQ message: who speaks, and what is said.
enum Envelope: Hashable, Sendable {
  case worker(WorkerMessage)
  case coordinator(CoordinatorMessage)
  case request(UInt64, ControlRequest)
  case reply(UInt64, ControlReply)

  /// Larger messages are neither sent nor taken, in bytes: what is large is an artifact.
  static let largestSize = 64 << 20

  /// - Throws: ``MessagingError`` with `malformed` or, for another version, `refused`.
  init(decoding bytes: Data) throws {
    guard let schema = try? SchemaEnvelope(serializedBytes: bytes), schema.protocolVersion > 0
    else {
      throw MessagingError(.malformed, "\(bytes.count) bytes that are no message of Espalier")
    }
    guard schema.protocolVersion == UInt32(ProtocolVersion.current) else {
      throw MessagingError(
        .refused,
        """
        a message in version \(schema.protocolVersion) of the protocol, where version \
        \(ProtocolVersion.current) is spoken: install the same version of Espalier everywhere
        """)
    }
    let envelope: Envelope? =
      switch schema.body {
      case .worker(let message): WorkerMessage(message).map { .worker($0) }
      case .coordinator(let message): CoordinatorMessage(message).map { .coordinator($0) }
      case .request(let request): ControlRequest(request).map { .request(request.id, $0) }
      case .reply(let reply): ControlReply(reply).map { .reply(reply.id, $0) }
      case nil: nil
      }
    guard let envelope else {
      throw MessagingError(.malformed, "a message of \(bytes.count) bytes without valid content")
    }
    self = envelope
  }

  /// - Throws: ``MessagingError`` with `messageTooLarge`.
  func encoded() throws -> Data {
    var schema = SchemaEnvelope()
    schema.protocolVersion = UInt32(ProtocolVersion.current)
    schema.body =
      switch self {
      case .worker(let message): .worker(message.schema)
      case .coordinator(let message): .coordinator(message.schema)
      case .request(let id, let request): .request(request.schema(id: id))
      case .reply(let id, let reply): .reply(reply.schema(id: id))
      }
    // Serialisation fails for missing required fields only, which this schema does not have, and
    // above 2 GiB.
    guard let bytes: Data = try? schema.serializedBytes(), bytes.count <= Self.largestSize else {
      throw MessagingError(
        .messageTooLarge,
        """
        the message has more than \(Self.largestSize >> 20) MiB: store what is large as an \
        artifact, and send its digest
        """)
    }
    return bytes
  }
}
