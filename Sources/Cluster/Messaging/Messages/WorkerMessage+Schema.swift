import Digests
import Foundation
import SwiftProtobuf

extension JobReference {
  init?(_ schema: SchemaJobReference) {
    guard schema.attempt > 0 else { return nil }
    self.init(id: schema.id, attempt: Int(schema.attempt))
  }

  var schema: SchemaJobReference {
    var schema = SchemaJobReference()
    schema.id = id
    schema.attempt = Int32(clamping: attempt)
    return schema
  }
}

extension WorkerHello {
  init(_ schema: SchemaWorkerMessage.Hello) {
    self.init(
      workerID: schema.workerID, processID: schema.processID, host: schema.host,
      backend: Backend(
        name: schema.backendName, version: schema.backendVersion,
        instructionSet: schema.instructionSet),
      threads: Int(schema.threads), credits: Int(schema.credits),
      neighbourhood: schema.neighbourhood, memory: Int(clamping: schema.memory),
      protocolVersion: Int(schema.protocolVersion))
  }

  var schema: SchemaWorkerMessage.Hello {
    var schema = SchemaWorkerMessage.Hello()
    schema.workerID = workerID
    schema.protocolVersion = UInt32(clamping: protocolVersion)
    schema.processID = processID
    schema.host = host
    schema.backendName = backend.name
    schema.backendVersion = backend.version
    schema.instructionSet = backend.instructionSet
    schema.threads = UInt32(clamping: threads)
    schema.credits = UInt32(clamping: credits)
    schema.neighbourhood = neighbourhood
    schema.memory = UInt64(clamping: memory)
    return schema
  }
}

extension WorkerMessage {
  /// Nil if the content makes no sense: no digest, a part outside its artifact.
  init?(_ schema: SchemaWorkerMessage) {
    switch schema.body {
    case .hello(let hello): self = .hello(WorkerHello(hello))
    case .heartbeat(let beat):
      let jobs = beat.jobs.compactMap { JobReference($0) }
      let underway = beat.underway.compactMap { JobReference($0) }
      guard jobs.count == beat.jobs.count, underway.count == beat.underway.count
      else { return nil }
      guard let memory = Int(exactly: beat.memory), let images = Int(exactly: beat.images) else {
        return nil
      }
      self = .heartbeat(
        jobs, WorkerUsage(memory: memory, images: images),
        underway: JobsUnderway(
          underway, share: beat.share.isFinite ? min(max(beat.share, 0), 1) : 0))
    case .fetch(let fetch):
      guard let digest = Digest(hex: fetch.digest), let offset = Int(exactly: fetch.offset),
        let length = Int(exactly: fetch.length)
      else { return nil }
      self = .fetch(digest, offset: offset, length: length)
    case .store(let store):
      guard let digest = Digest(hex: store.digest), let offset = Int(exactly: store.offset),
        let total = Int(exactly: store.total), offset <= total, store.bytes.count <= total - offset
      else { return nil }
      self = .store(digest, offset: offset, total: total, bytes: store.bytes)
    case .completed(let result):
      let artifacts = result.artifacts.compactMap { Digest(hex: $0) }
      guard let job = JobReference(result.job), artifacts.count == result.artifacts.count
      else { return nil }
      self = .completed(
        job, summary: result.summary, artifacts: artifacts, enclosed: result.enclosed)
    case .failed(let failure):
      guard let job = JobReference(failure.job) else { return nil }
      self = .failed(
        job, code: failure.code, message: failure.message, retryable: failure.retryable)
    case .goodbye: self = .goodbye
    case nil: return nil
    }
  }

  var schema: SchemaWorkerMessage {
    var schema = SchemaWorkerMessage()
    switch self {
    case .hello(let hello): schema.hello = hello.schema
    case .heartbeat(let jobs, let usage, let underway):
      schema.heartbeat = .with {
        $0.jobs = jobs.map(\.schema)
        $0.memory = UInt64(usage.memory)
        $0.images = UInt64(usage.images)
        $0.underway = underway.jobs.map(\.schema)
        $0.share = underway.share
      }
    case .fetch(let digest, let offset, let length):
      schema.fetch = .with {
        $0.digest = digest.hex
        $0.offset = UInt64(offset)
        $0.length = UInt64(length)
      }
    case .store(let digest, let offset, let total, let bytes):
      schema.store = .with {
        $0.digest = digest.hex
        $0.offset = UInt64(offset)
        $0.total = UInt64(total)
        $0.bytes = bytes
      }
    case .completed(let job, let summary, let artifacts, let enclosed):
      schema.completed = .with {
        $0.job = job.schema
        $0.summary = summary
        $0.artifacts = artifacts.map(\.hex)
        $0.enclosed = enclosed
      }
    case .failed(let job, let code, let message, let retryable):
      schema.failed = .with {
        $0.job = job.schema
        $0.code = code
        $0.message = message
        $0.retryable = retryable
      }
    case .goodbye: schema.goodbye = .init()
    }
    return schema
  }
}
