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
    let (key, size) = (Digest(of: Data("a tile".utf8)), 8192)
    let link = folder.appending(path: "\(key.hex).tile").path
    for target in ["/nowhere/at/all", "/dev/zero", "/proc/self/exe"] {
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
      #expect(lending.borrow(key, byteCount: size) == nil)
      try FileManager.default.removeItem(atPath: link)
    }
    let pages = try PageMemory(byteCount: TileLending.byteCount(size), lendable: true)
    let loan = lending.lend(pages, as: key)
    #expect(lending.borrow(key, byteCount: size) != nil)
    #expect(lending.borrow(key, byteCount: size + 4096) == nil, "of another size")
    try FileManager.default.moveItem(
      atPath: link, toPath: folder.appending(path: "\(Digest(of: Data()).hex).tile").path)
    #expect(lending.borrow(Digest(of: Data()), byteCount: size) == nil, "of another tile")
    withExtendedLifetime(loan) {}
  }

  @Test("who claims a tile has it alone until it is made")
  func claims() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "espalier-\(UUID())")
    defer { try? FileManager.default.removeItem(at: folder) }
    let (one, other) = (try TileLending(folder: folder), try TileLending(folder: folder))
    let key = Digest(of: Data("a tile".utf8))
    #expect(!one.isBeingMade(key))
    let claim = try #require(one.claim(key))
    #expect(other.isBeingMade(key))
    claim.release()
    #expect(!other.isBeingMade(key))
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
