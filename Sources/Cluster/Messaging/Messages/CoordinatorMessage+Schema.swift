import Digests
import Foundation
import SwiftProtobuf

extension CoordinatorMessage {
  /// Nil if the content makes no sense: no digest, a part outside its artifact.
  init?(_ schema: SchemaCoordinatorMessage) {
    switch schema.body {
    case .welcome(let welcome):
      self = .welcome(
        heartbeatInterval: .milliseconds(welcome.heartbeatIntervalMilliseconds),
        leaseDuration: .milliseconds(welcome.leaseDurationMilliseconds))
    case .refused(let refusal): self = .refused(reason: refusal.reason)
    case .portion(let portion):
      let jobs = portion.jobs.compactMap(JobAssignment.init)
      guard !jobs.isEmpty, jobs.count == portion.jobs.count else { return nil }
      let gang = portion.hasGang ? GangAssignment(portion.gang) : nil
      guard portion.hasGang == (gang != nil) else { return nil }
      self = .assign(jobs, with: gang, lentThreads: Int(portion.lentThreads))
    case .acknowledged(let acknowledged):
      guard let job = JobReference(acknowledged.job) else { return nil }
      self = .acknowledged(job, accepted: acknowledged.accepted)
    case .cancel(let cancel):
      guard let job = JobReference(cancel.job) else { return nil }
      self = .cancel(job)
    case .drain: self = .drain
    case .introduce: self = .introduce
    case .chunk, .missing, .stored, .unavailable: self.init(artifact: schema)
    case nil: return nil
    }
  }

  private init?(artifact schema: SchemaCoordinatorMessage) {
    switch schema.body {
    case .chunk(let chunk):
      guard let digest = Digest(hex: chunk.digest), let offset = Int(exactly: chunk.offset),
        let total = Int(exactly: chunk.total), offset <= total, chunk.bytes.count <= total - offset
      else { return nil }
      self = .chunk(digest, offset: offset, total: total, bytes: chunk.bytes)
    case .missing(let missing):
      guard let digest = Digest(hex: missing.digest) else { return nil }
      self = .missing(digest)
    case .stored(let stored):
      guard let digest = Digest(hex: stored.digest), let next = Int(exactly: stored.nextOffset)
      else { return nil }
      self = .stored(digest, nextOffset: next)
    case .unavailable(let unavailable):
      guard let digest = Digest(hex: unavailable.digest) else { return nil }
      self = .unavailable(digest, reason: unavailable.reason)
    default: return nil
    }
  }

  var schema: SchemaCoordinatorMessage {
    var schema = SchemaCoordinatorMessage()
    switch self {
    case .welcome(let heartbeatInterval, let leaseDuration):
      schema.welcome = .with {
        $0.heartbeatIntervalMilliseconds = heartbeatInterval.wholeMilliseconds
        $0.leaseDurationMilliseconds = leaseDuration.wholeMilliseconds
      }
    case .refused(let reason): schema.refused = .with { $0.reason = reason }
    case .assign(let jobs, let gang, let lentThreads):
      schema.portion = .with {
        $0.jobs = jobs.map(\.schema)
        $0.lentThreads = UInt32(clamping: lentThreads)
        if let gang { $0.gang = gang.schema }
      }
    case .acknowledged(let job, let accepted):
      schema.acknowledged = .with {
        $0.job = job.schema
        $0.accepted = accepted
      }
    case .cancel(let job): schema.cancel = .with { $0.job = job.schema }
    case .drain: schema.drain = .init()
    case .introduce: schema.introduce = .init()
    case .chunk(let digest, let offset, let total, let bytes):
      schema.chunk = .with {
        $0.digest = digest.hex
        $0.offset = UInt64(offset)
        $0.total = UInt64(total)
        $0.bytes = bytes
      }
    case .missing(let digest): schema.missing = .with { $0.digest = digest.hex }
    case .stored(let digest, let nextOffset):
      schema.stored = .with {
        $0.digest = digest.hex
        $0.nextOffset = UInt64(nextOffset)
      }
    case .unavailable(let digest, let reason):
      schema.unavailable = .with {
        $0.digest = digest.hex
        $0.reason = reason
      }
    }
    return schema
  }
}

extension JobAssignment {
  fileprivate init?(_ schema: SchemaCoordinatorMessage.Assignment) {
    guard let job = JobReference(schema.job) else { return nil }
    self.init(job: job, stage: schema.stage, label: schema.label, payload: schema.payload)
  }

  fileprivate var schema: SchemaCoordinatorMessage.Assignment {
    .with {
      $0.job = job.schema
      $0.stage = stage
      $0.label = label
      $0.payload = payload
    }
  }
}

extension GangAssignment {
  fileprivate init?(_ schema: SchemaCoordinatorMessage.Gang) {
    guard schema.place < schema.portions.count, let memory = Int(exactly: schema.memory) else {
      return nil
    }
    self.init(
      name: schema.name, place: Int(schema.place), portions: schema.portions.map(\.payloads),
      memory: memory, threads: Int(schema.threads))
  }

  fileprivate var schema: SchemaCoordinatorMessage.Gang {
    .with {
      $0.name = name
      $0.place = UInt32(clamping: place)
      $0.portions = portions.map { payloads in .with { $0.payloads = payloads } }
      $0.memory = UInt64(clamping: memory)
      $0.threads = UInt32(clamping: threads)
    }
  }
}

extension Duration {
  fileprivate var wholeMilliseconds: Int64 {
    components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
  }
}
