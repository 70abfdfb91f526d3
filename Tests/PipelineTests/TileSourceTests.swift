import Datasets
import Digests
import Execution
import Foundation
import Importance
import LinearAlgebra
import NetworkGraph
import OneDNNBackend
import Tensors
import TestSupport
import Testing

@testable import Pipeline

@Suite("Memory and lending of tiles", .tags(.backend))
struct TileSourceTests {
  @Test("taps that a worker cannot hold are refused before a pass, with what would fit")
  func refusal() async throws {
    let sweep = try SmallSweep()
    let pipeline = try sweep.pipeline()
    try pipeline.checkScoreMemory(600_000, threads: 1)
    let error = #expect(throws: PipelineError.self) {
      try pipeline.checkScoreMemory(400_000, threads: 1)
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
      let accepted = (try? other.pipeline().checkScoreMemory(400_000, threads: 1)) != nil
      #expect(accepted == fits)
    }
    // A worker that is asked all the same refuses by itself, and runs nothing.
    guard case .needs(let jobs) = try pipeline.advance(Results()) else { return }
    let job = try #require(jobs.first { $0.stage == .scores })
    let small = sweep.bench(backend: NoBackend(), cacheBytes: 50_000)
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

  @Test("a bench that can run nothing borrows the tiles of another")
  func lending() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "espalier-\(UUID())")
    defer { try? FileManager.default.removeItem(at: folder) }
    let (sweep, plain) = try await SmallSweep.plain
    let jobs = plain.jobs.filter { $0.label.hasPrefix("tiles") }
    try await {
      let owner = sweep.bench(lending: try TileLending(folder: folder))
      for job in jobs { _ = try await Job.run(payload: job.payload, on: owner) }
      let borrower = sweep.bench(backend: NoBackend(), lending: try TileLending(folder: folder))
      for job in jobs {
        let output = try await Job.run(payload: job.payload, on: borrower)
        #expect(output == plain.results.outputs[job.key])
      }
      withExtendedLifetime(owner) {}
    }()
    // With the owner its tiles are gone, and no link is left.
    let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(left.isEmpty, "\(left)")
    let late = sweep.bench(backend: NoBackend(), lending: try TileLending(folder: folder))
    await #expect(throws: ExecutionError.self) {
      _ = try await Job.run(payload: jobs[0].payload, on: late)
    }
  }

  @Test("a link that leads nowhere, or to something else, is none")
  func badLinks() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "espalier-\(UUID())")
    defer { try? FileManager.default.removeItem(at: folder) }
    let lending = try TileLending(folder: folder)
    let key = Digest(of: Data("a tile".utf8))
    let layout = TileMemory.Layout(features: 8192, batches: 3)
    let link = folder.appending(path: "\(key.hex).tile").path
    for target in ["/nowhere/at/all", "/dev/zero", "/proc/self/exe"] {
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
      #expect(lending.find(key, layout) == nil)
      try FileManager.default.removeItem(atPath: link)
    }
    let memory = try TileMemory(layout, key: key, isLendable: true)
    let loan = lending.lend(memory, as: key)
    #expect(lending.find(key, layout) != nil)
    let larger = TileMemory.Layout(features: 8192 + 4096, batches: 3)
    #expect(lending.find(key, larger) == nil, "of another size")
    try FileManager.default.moveItem(
      atPath: link, toPath: folder.appending(path: "\(Digest(of: Data()).hex).tile").path)
    #expect(lending.find(Digest(of: Data()), layout) == nil, "of another tile")
    withExtendedLifetime(loan) {}
  }

  @Test("who claims a tile has it alone; others help, then borrow, or make it once it is gone")
  func approaches() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "espalier-\(UUID())")
    defer { try? FileManager.default.removeItem(at: folder) }
    let (one, other) = (try TileLending(folder: folder), try TileLending(folder: folder))
    let key = Digest(of: Data("a tile".utf8))
    let layout = TileMemory.Layout(features: 4096, batches: 5)
    #expect(!one.isBeingMade(key))
    guard case .make(let claim?) = one.approach(key, layout, isHelping: true) else {
      Issue.record("an unknown tile is made")
      return
    }
    #expect(other.isBeingMade(key) && other.claim(key) == nil)
    let memory = try TileMemory(layout, key: key, isLendable: true)
    var loan = one.lend(memory, as: key)
    #expect(loan != nil)
    guard case .help(let help) = other.approach(key, layout, isHelping: true) else {
      Issue.record("a tile in the making can be helped with")
      return
    }
    #expect([memory.take(), help.take(), help.take(), memory.take()] == [0, 1, 2, 3])
    (help.pages.base + 100).storeBytes(of: 7, as: UInt8.self)
    #expect((memory.pages.base + 100).load(as: UInt8.self) == 7)
    help.finish(2)
    memory.finish(0)
    memory.finish(3)
    #expect(memory.take() == 4 && memory.take() == nil && help.take() == nil)
    // The helper died with its first micro-batch; the owner has yet to finish its last.
    #expect(memory.unfinished == [1, 4] && !help.isWhole)
    memory.complete()
    guard case .borrow = other.approach(key, layout, isHelping: false) else {
      Issue.record("a whole tile is borrowed")
      return
    }
    loan = nil
    claim.release()
    #expect(!other.isBeingMade(key))
    guard case .make(.some) = other.approach(key, layout, isHelping: true) else {
      Issue.record("what nobody lends any more is made again")
      return
    }
  }

  @Test("benches that make tiles together give the same bits as one alone")
  func together() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "espalier-\(UUID())")
    defer { try? FileManager.default.removeItem(at: folder) }
    let (sweep, plain) = try await SmallSweep.plain
    let jobs = plain.jobs.filter { $0.label.hasPrefix("tiles") }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for threads in 1...3 {
        let bench = sweep.bench(threads: threads, lending: try TileLending(folder: folder))
        group.addTask {
          for job in jobs {
            let output = try await Job.run(payload: job.payload, on: bench)
            #expect(output == plain.results.outputs[job.key])
          }
        }
      }
      try await group.waitForAll()
    }
  }

  @Test("values that are handed over one by one are those that are returned together")
  func handing() throws {
    let sweep = try SmallSweep()
    let taps = try PreparedModel(
      digest: sweep.definition.model.digest, network: sweep.network
    ).values(named: sweep.pipeline().taps)
    let images = SmallSweep.images(3, seed: 1).tensors
    for backend in [OneDNNBackend(), ReferenceBackend()] as [any Backend] {
      let plan = try backend.plan(
        sweep.network, options: ExecutionOptions(batch: 3, taps: taps))
      let returned = try plan.run(images).values
      var handed: [ValueID: Tensor] = [:]
      try plan.run(images) { value, tensor in
        #expect(handed.updateValue(tensor, forKey: value) == nil, "handed twice")
      }
      #expect(handed == returned && handed.count == taps.count + 1)
    }
  }

  @Test("pairs are worked on so that few tiles are made again, each pair once")
  func order() {
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

/// Refuses to run anything, under the name of another.
private struct NoBackend: Backend {
  var identity: BackendIdentity { OneDNNBackend().identity }

  func plan(_ network: Network, options: ExecutionOptions) throws -> any ExecutionPlan {
    throw ExecutionError(.unsupported, "nothing runs here")
  }

  func explain(_ network: Network, options: ExecutionOptions) throws -> [NodeExecution] { [] }
}
