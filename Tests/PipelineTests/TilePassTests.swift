import Datasets
import Digests
import Execution
import Foundation
import LinearAlgebra
import NetworkGraph
import NetworkTestSupport
import OneDNNBackend
import Synchronization
import Tensors
import TestSupport
import Testing

@testable import Importance
@testable import Pipeline

@Suite("Passes of tiles", .tags(.backend))
struct TilePassTests {
  @Test("taps that a worker cannot hold are refused before a pass, with what would fit")
  func refusal() async throws {
    let sweep = try SmallSweep()
    let pipeline = try sweep.pipeline()
    let least = try Self.least(sweep)
    let memory = least * 3 / 4
    let error = #expect(throws: PipelineError.self) {
      try pipeline.checkScoreMemory(memory, threads: 1)
    }
    let message = try #require(error?.message)
    #expect(error?.code == .invalidInput)
    #expect(message.contains("4 taps") && message.contains("two tiles of 16 images"))
    let tile = try #require(message.firstMatch(of: /--tile (\d+)/).flatMap { Int($0.1) })
    // What it recommends is accepted, and the next size is not.
    for (size, fits) in [(tile, true), (tile + 1, false)] {
      var other = sweep
      let images = SmallSweep.images(48, seed: 7)
      other.definition.calibration = SmallSweep.stored(
        images, "calibration", tile: size, in: sweep.artifacts)
      let accepted = (try? other.pipeline().checkScoreMemory(memory, threads: 1)) != nil
      #expect(accepted == fits)
    }
    // A worker that is asked all the same refuses by itself, and runs nothing.
    let (known, plain) = try await SmallSweep.plain
    let job = try #require(plain.jobs.first { $0.label == "tiles (0, 1)" })
    let small = known.bench(backend: NoBackend(), cacheBytes: memory)
    await #expect(throws: PipelineError.self) {
      _ = try await Job.run(payload: job.payload, on: small)
    }
  }

  @Test("one tile at a time needs the memory of one")
  func oneTile() throws {
    var sweep = try SmallSweep()
    let two = try Self.least(sweep)
    sweep.definition.recipe.estimator = .minibatch
    #expect(try Self.least(sweep) < two)
  }

  private static func least(_ sweep: SmallSweep) throws -> Int {
    let pipeline = try sweep.pipeline()
    return try #require(
      stride(from: 1000, to: 1 << 20, by: 1000).first {
        (try? pipeline.checkScoreMemory($0, threads: 1)) != nil
      })
  }

  @Test("pairs done together are what each is alone, in any company and with any threads")
  func together() async throws {
    let (sweep, plain) = try await SmallSweep.plain
    let jobs = plain.jobs.filter { $0.label.hasPrefix("tiles") }
    #expect(jobs.count == 6)
    var generator = SeededGenerator(seed: 5)
    for threads in [1, 1, 2, 3] {
      let bench = sweep.bench(threads: threads)
      var left = jobs.shuffled(using: &generator)
      while !left.isEmpty {
        let portion = Array(left.prefix(Int.random(in: 1...6, using: &generator)))
        left.removeFirst(portion.count)
        let requests = try portion.map { try JobRequest(payload: $0.payload) }
        #expect(await JobRequest.next(of: requests, on: bench) == Array(portion.indices))
        let outputs = await JobRequest.run(requests, on: bench)
        for (job, output) in zip(portion, outputs) {
          #expect(try output.get() == plain.results.outputs[job.key])
        }
      }
    }
  }

  @Test("members of a gang give what each job is alone, and every image passes once")
  func gangs() async throws {
    let (sweep, plain) = try await SmallSweep.plain
    let jobs = plain.jobs.filter { $0.label.hasPrefix("tiles") }
    let requests = try jobs.map { try JobRequest(payload: $0.payload) }
    for members in 2...4 {
      // Of four members, one has fewer jobs than others.
      let portions = (0..<members).map { member in
        jobs.indices.filter { $0 % members == member }
      }
      let name = UUID().uuidString
      let benches = portions.map { _ in sweep.bench(threads: 1 + members % 2) }
      func gang(_ name: String, _ place: Int, memory: Int) -> Gang {
        Gang(
          name: name, place: place, portions: portions.map { $0.map { requests[$0] } },
          memory: memory, threads: 2)
      }
      // Memory for all at a time, and the least with which it goes at all.
      var least = 100_000
      while await JobRequest.passes(of: gang("", 0, memory: least), on: benches[0]).isEmpty {
        least += 10_000
      }
      for (memory, isEnough) in [(1 << 30, true), (least, false)] {
        let results = await withTaskGroup(of: [Int: JobOutput].self) { group in
          for (place, bench) in benches.enumerated() {
            let gang = gang("\(name)-\(memory)", place, memory: memory)
            group.addTask {
              var own = portions[place][...]
              var outputs: [Int: JobOutput] = [:]
              let passes = await JobRequest.passes(of: gang, on: bench)
              #expect(isEnough ? passes.count == 1 : passes.count > 1)
              for places in passes {
                let results = try? await JobRequest.run(gang, places, on: bench)
                for (job, result) in zip(own, results ?? []) { outputs[job] = try? result.get() }
                own = own.dropFirst(places.count)
              }
              return outputs
            }
          }
          return await group.reduce(into: [:]) { all, own in all.merge(own) { first, _ in first } }
        }
        for (place, job) in jobs.enumerated() {
          #expect(results[place] == plain.results.outputs[job.key])
        }
        if isEnough { #expect(benches.reduce(0) { $0 + $1.progress.images } == 48) }
      }
    }
  }

  @Test("jobs that do not fit a gang's memory, and those of several passes or none, are done apart")
  func apart() async throws {
    let (sweep, plain) = try await SmallSweep.plain
    let pairs = try plain.jobs.filter { $0.label.hasPrefix("tiles") }
      .map { try JobRequest(payload: $0.payload) }
    let gram = try JobRequest(payload: try #require(plain.jobs(.statistics).first).payload)
    let bench = sweep.bench()
    func passes(_ portions: [[JobRequest]], memory: Int = 1 << 30) async -> Int {
      let gang = Gang(name: "x", place: 0, portions: portions, memory: memory, threads: 1)
      return await JobRequest.passes(of: gang, on: bench).count
    }
    #expect(await passes([Array(pairs[..<3]), Array(pairs[3...])]) == 1)
    #expect(await passes([Array(pairs[..<3]), Array(pairs[3...])], memory: 1000) == 0)
    #expect(await passes([pairs, [gram]]) == 0)
    #expect(await passes([[gram], [gram]]) == 0)
    #expect(await passes([[], []]) == 0)
  }

  @Test("as many pairs pass together as fit the memory, and jobs of other kinds by themselves")
  func companions() async throws {
    let (sweep, plain) = try await SmallSweep.plain
    let requests = try (plain.jobs(.statistics).prefix(1) + plain.jobs(.scores))
      .filter { !$0.isReduction && $0.label != "kernel" }
      .map { try JobRequest(payload: $0.payload) }
    #expect(requests.count == 7)
    #expect(await JobRequest.next(of: requests, on: sweep.bench()) == [0])
    let pairs = [requests[1], requests[0]] + requests[2...]
    var last = 0
    for memory in stride(from: 200_000, through: 3_000_000, by: 100_000) {
      let places = await JobRequest.next(of: pairs, on: sweep.bench(cacheBytes: memory))
      #expect(places == Array(([0] + Array(2...6)).prefix(places.count)))
      #expect(places.count >= max(last, 1), "more memory, no fewer pairs")
      last = places.count
    }
    #expect(last == 6)
  }

  @Test("of pairs that pass together, those of a sound tile are done beside those of a broken one")
  func faults() async throws {
    let (sweep, plain) = try await SmallSweep.plain
    let pairs = plain.jobs.filter { $0.label.hasPrefix("tiles") }
    // Another image in tile 1, and the jobs of a sweep that asks for it.
    let tile = try DataShard(decoding: try sweep.artifacts.data(for: sweep.shards[1]))
    var values = tile.tensors[0].elements
    values[values.count / 2] = .infinity
    let column = InputColumn(name: "input", shape: SmallSweep.shape, storage: .values(values))
    let broken = sweep.artifacts.put(DataShard(inputs: [column], labels: nil).encoded())
    func outcomes(_ shard: Digest) async throws -> [String: Bool] {
      let requests = try pairs.map { job in
        let payload = String(decoding: job.payload, as: UTF8.self)
          .replacing("\(sweep.shards[1])", with: "\(shard)")
        return try JobRequest(payload: Data(payload.utf8))
      }
      let results = await JobRequest.run(requests, on: sweep.bench())
      return Dictionary(
        uniqueKeysWithValues: zip(pairs, results).map { ($0.label, (try? $1.get()) != nil) })
    }
    let expected = Dictionary(
      uniqueKeysWithValues: pairs.map { ($0.label, !$0.label.contains("1")) })
    #expect(expected.values.contains(true) && expected.values.contains(false))
    #expect(try await outcomes(broken) == expected, "an infinite number in an image")
    #expect(try await outcomes(Digest(of: Data())) == expected, "a tile that is gone")
    let short = sweep.artifacts.put(tile.shard(0..<5).encoded())
    #expect(try await outcomes(short) == expected, "a tile of fewer images")
  }

  @Test("features are those of the network, to the last bit, wherever it is halted")
  func features() async throws {
    let sweep = try SmallSweep()
    let model = PreparedModel(digest: sweep.definition.model.digest, network: sweep.network)
    for kind in TapKind.allCases {
      var copy = sweep
      copy.definition.recipe.taps = kind
      let taps = try model.values(named: copy.pipeline().taps)
      let plan = try ReferenceBackend().plan(
        sweep.network, options: ExecutionOptions(batch: 16, taps: taps))
      let bench = sweep.bench(threads: 2, backend: ReferenceBackend())
      let pass = TilePass(
        model: model, taps: taps, centres: taps.map { _ in [] }, microBatch: 3, bench: bench)
      let tiles = sweep.shards.prefix(2).map { ImageTile(shard: $0, images: 16) }
      let expected = try tiles.map { tile in
        let images = try DataShard(decoding: try sweep.artifacts.data(for: tile.shard))
        let values = try plan.run(images.tensors).values
        return try taps.map { try TileFeatures(try #require(values[$0])) }
      }
      let seen = Mutex<[Int]>([])
      try await pass.run(Array(tiles), taking: 0) { tap, features in
        seen.withLock { $0.append(tap) }
        for tile in tiles.indices {
          #expect(features[tile].isSame(as: expected[tile][tap]))
        }
      }
      #expect(seen.withLock { $0 } == Array(taps.indices), "every tap once, in order")
      #expect(bench.progress.images == 32)
    }
  }

  @Test("features and centres lie in the order that the backend likes best")
  func order() async throws {
    let sweep = try SmallSweep()
    let model = PreparedModel(digest: sweep.definition.model.digest, network: sweep.network)
    let taps = try model.values(named: sweep.pipeline().taps)
    let order = OneDNNBackend().channelOrder
    let centres = taps.map { tap in
      (0..<sweep.network[tap].shape.dimensions[1].perImage).map { Float($0) / 8 }
    }
    let images = try DataShard(decoding: try sweep.artifacts.data(for: sweep.shards[0]))
    let plain = try OneDNNBackend().plan(
      sweep.network, options: ExecutionOptions(batch: 16, taps: taps)
    ).run(images.tensors).values
    let pass = TilePass(
      model: model, taps: taps, centres: centres, microBatch: 3,
      bench: sweep.bench(backend: OneDNNBackend()))
    #expect(taps.contains { order.isKept(for: sweep.network[$0].shape) })
    try await pass.run([ImageTile(shard: sweep.shards[0], images: 16)], taking: 0) {
      tap, features in
      let (value, shape) = (try #require(plain[taps[tap]]), sweep.network[taps[tap]].shape)
      let expected = try TileFeatures(value, centre: centres[tap])
      for image in 0..<16 {
        let row = Tensor(shape: shape.resolved(batch: 1), elements: expected.row(image))
        expectClose(
          features[0].row(image), order.arranging(row, of: shape).elements, tolerance: 1e-4)
      }
    }
  }

  @Test("a network is halted behind every tap but where images lie side by side in an axis")
  func halts() throws {
    var builder = NetworkBuilder("joined", input: [4, 6], seed: 1)
    let first = try builder.relu(builder.input, name: "first")
    let joined = try builder.apply(
      .reshape(Reshape(target: Shape([.batched(4), .fixed(6)]))), to: [first], name: "joined")
    let middle = try builder.relu(joined, name: "middle")
    let apart = try builder.apply(
      .reshape(Reshape(target: .batched([4, 6]))), to: [middle], name: "apart")
    let last = try builder.relu(apart, name: "last")
    let end = try builder.relu(last, name: "end")
    let network = builder.finished(end)
    let way = try TapStretches(of: network, taps: [first, middle, last])
    #expect(way.parts.map(\.taps) == [[0], [1, 2]])
    #expect(way.parts.map(\.nodes) == [0..<1, 1..<5])
    #expect(way.network.nodes.count == 5, "nothing behind the last tap")
    #expect(way.parts[0].live == [first] && way.parts[1].live.isEmpty)
  }

  @Test("pairs are worked on so that few tiles are made again, each pair once")
  func orderOfWork() {
    let layout = TileLayout(samples: 32, tileSize: 2)
    let ordered = layout.pairs.inOrderOfWork
    #expect(Set(ordered) == Set(layout.pairs) && ordered.count == layout.pairs.count)
    /// Tiles made by a worker that holds the six it used last.
    func made(_ pairs: [TilePair]) -> Int {
      var held: [Int] = []
      var count = 0
      for tile in pairs.flatMap({ $0.isDiagonal ? [$0.first] : [$0.first, $0.second] }) {
        if !held.contains(tile) { count += 1 }
        held.removeAll { $0 == tile }
        held = held.suffix(5) + [tile]
      }
      return count
    }
    #expect(3 * made(ordered) < 2 * made(layout.pairs))
  }
}

extension SmallSweep {
  fileprivate var shards: [Digest] { definition.calibration.shards }
}

extension TileFeatures {
  /// Whether the features are the same numbers.
  fileprivate func isSame(as other: TileFeatures) -> Bool {
    images == other.images && shape == other.shape
      && batches.flatMap(\.elements) == other.batches.flatMap(\.elements)
  }
}

/// Refuses to run anything, under the name of another.
private struct NoBackend: Backend {
  var identity: BackendIdentity { OneDNNBackend().identity }

  func plan(_ network: Network, options: ExecutionOptions) throws -> any ExecutionPlan {
    throw ExecutionError(.unsupported, "nothing runs here")
  }

  func explain(_ network: Network, options: ExecutionOptions) throws -> [NodeExecution] { [] }
}
