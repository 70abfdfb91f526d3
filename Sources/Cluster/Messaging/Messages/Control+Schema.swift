import Foundation
import SwiftProtobuf

extension ControlRequest {
  init?(_ schema: SchemaControlRequest) {
    switch schema.body {
    case .submit(let submit): self = .submit(submit.sweep)
    case .cancel(let cancel): self = .cancel(sweep: cancel.sweep)
    case .status: self = .status
    case .drain(let drain): self = .drain(shutdown: drain.shutdown)
    case nil: return nil
    }
  }

  func schema(id: UInt64) -> SchemaControlRequest {
    var schema = SchemaControlRequest()
    schema.id = id
    switch self {
    case .submit(let sweep): schema.submit = .with { $0.sweep = sweep }
    case .cancel(let sweep): schema.cancel = .with { $0.sweep = sweep }
    case .status: schema.status = .init()
    case .drain(let shutdown): schema.drain = .with { $0.shutdown = shutdown }
    }
    return schema
  }
}

extension ControlReply {
  init?(_ schema: SchemaControlReply) {
    switch schema.body {
    case .done(let done): self = .ok(done.result)
    case .failed(let failure): self = .failed(code: failure.code, message: failure.message)
    case nil: return nil
    }
  }

  func schema(id: UInt64) -> SchemaControlReply {
    var schema = SchemaControlReply()
    schema.id = id
    switch self {
    case .ok(let result): schema.done = .with { $0.result = result }
    case .failed(let code, let message):
      schema.failed = .with {
        $0.code = code
        $0.message = message
      }
    }
    return schema
  }
}
