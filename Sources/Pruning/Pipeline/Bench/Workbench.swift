import Datasets
import Digests
import Dispatch
import Execution
import Foundation
import NetworkGraph
import ONNXFormat
import Synchronization
import Tensors

/// What a computation works with: a backend, threads, artifacts, and what it remembers.
///
/// A bench does one job at a time; what jobs share (decoded networks, plans, samples) stays in
/// a cache bounded in bytes.
public final class Workbench: Sendable {
  public let backend: any Backend
  /// Of what is computed here.
  public let progress = WorkProgress()
  let artifacts: any ArtifactAccess
  let cache: ByteCache
  /// Runs users' commands; nil where none may be run.
  let commands: (any CommandRunner)?
  private let ownThreads: Int
  private let lentThreads = Atomic(0)
  private let queue = DispatchQueue(label: "espalier.compute")

  /// - Parameter cacheBytes: How much may be remembered between jobs, and held by those that say
  ///   what they need.
  public init(
    backend: any Backend, threads: Int, artifacts: any ArtifactAccess, cacheBytes: Int = 1 << 30,
    commands: (any CommandRunner)? = nil
  ) {
    self.backend = backend
    ownThreads = threads
    self.artifacts = artifacts
    self.commands = commands
    cache = ByteCache(limit: cacheBytes)
  }

  /// Compute threads; no result depends on their number.
  var threads: Int { ownThreads + lentThreads.load(ordering: .relaxed) }

  var runner: NetworkRunner {
    NetworkRunner(backend: backend, threads: threads, progress: progress)
  }

  /// So many threads are there besides the bench's own, for what is begun from now on.
  public func borrow(threads: Int) { lentThreads.store(max(threads, 0), ordering: .relaxed) }

  /// Runs blocking work on the bench's own thread, away from the cooperative pool.
  func compute<Value: Sendable>(
    _ body: @escaping @Sendable () throws -> Value
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Result { try body() }) }
    }
  }

  /// A decoded model with its groups.
  func model(_ digest: Digest) async throws -> PreparedModel {
    try await cache.value(for: "model/\(digest)") { [artifacts] in
      let data = try await artifacts.data(for: digest)
      let network = try ONNXModel.decode(data, name: digest.short)
      return (PreparedModel(digest: digest, network: network), 3 * data.count)
    }
  }

  /// A network that is looked at once.
  func network(_ digest: Digest) async throws -> Network {
    try ONNXModel.decode(try await artifacts.data(for: digest), name: digest.short)
  }

  /// A shard of samples.
  func shard(_ digest: Digest) async throws -> DataShard {
    try await cache.value(for: "shard/\(digest)") { [artifacts] in
      let data = try await artifacts.data(for: digest)
      return (try DataShard(decoding: data), data.count)
    }
  }

  /// Several shards, in their order.
  func shards(_ digests: [Digest]) async throws -> [DataShard] {
    var shards: [DataShard] = []
    for digest in digests { shards.append(try await shard(digest)) }
    return shards
  }

  /// The values at `taps` for the images of a shard, `[n, …]` each.
  func features(
    of model: PreparedModel, at taps: [ValueID], shard: Digest, microBatch: Int
  ) async throws -> [Tensor] {
    let names = Digest(parts: taps.map { model.network[$0].name })
    let key = "features/\(model.digest)/\(names)/\(shard)/\(microBatch)"
    return try await cache.value(for: key) {
      let images = try await self.shard(shard)
      let features = try await self.compute {
        try self.runner.run(model.network, on: images, taps: taps, microBatch: microBatch)
      }
      return (features, features.reduce(0) { $0 + 4 * $1.count })
    }
  }
}

/// A network with what follows from it.
struct PreparedModel: Sendable {
  let digest: Digest
  let network: Network
  let groups: [ChannelGroup]
  let costs: CostModel
  /// Of the network as it is.
  let cost: NetworkCost

  init(digest: Digest, network: Network) {
    self.digest = digest
    self.network = network
    groups = network.channelGroups()
    costs = network.costModel(groups: groups)
    cost = network.cost()
  }

  /// The values of the given names.
  func values(named names: [String]) throws -> [ValueID] {
    let places = Dictionary(
      network.values.enumerated().map { ($1.name, ValueID($0)) }, uniquingKeysWith: { $1 })
    return try names.map { name in
      guard let value = places[name] else {
        throw PipelineError(.invalidInput, "the model has no value named '\(name)'")
      }
      return value
    }
  }
}
