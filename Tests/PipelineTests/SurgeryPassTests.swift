import Devices
import Foundation
import Pipeline
import TestSupport
import Testing

@Suite("Variants fitted together", .tags(.backend))
struct SurgeryPassTests {
  @Test("plans done together are what each is alone, also one that cuts nothing")
  func together() async throws {
    let sweep = try SmallSweep(
      devices: [0.4, 1, 0.6, 0.8].map { SmallSweep.device("at \($0)", [.macs: $0]) })
    let ending = try await sweep.run()
    let jobs = ending.jobs(.surgery)
    #expect(jobs.count == 4)
    for threads in [1, 2] {
      let bench = sweep.bench(threads: threads)
      for order in [jobs, jobs.reversed(), Array(jobs.dropFirst())] {
        let requests = try order.map { try JobRequest(payload: $0.payload) }
        #expect(await JobRequest.next(of: requests, on: bench) == Array(order.indices))
        for (job, output) in zip(order, await JobRequest.run(requests, on: bench)) {
          #expect(try output.get() == ending.results.outputs[job.key])
        }
      }
    }
  }

  @Test("a plan that cannot be followed fails alone")
  func fault() async throws {
    let sweep = try SmallSweep(
      devices: [0.4, 0.6].map { SmallSweep.device("at \($0)", [.macs: $0]) })
    let ending = try await sweep.run()
    let jobs = ending.jobs(.surgery)
    let wrong = String(decoding: jobs[0].payload, as: UTF8.self)
      .replacing("\"kept\":{", with: "\"kept\":{\"999\":[0],")
    let requests = try [jobs[1].payload, Data(wrong.utf8)].map { try JobRequest(payload: $0) }
    let bench = sweep.bench()
    #expect(requests[0].pass != nil && requests[0].pass == requests[1].pass)
    let outputs = await JobRequest.run(requests, on: bench)
    #expect(try outputs[0].get() == ending.results.outputs[jobs[1].key])
    #expect { try outputs[1].get() } throws: { "\($0)".contains("none with id 999") }
  }

  @Test("as many pass together as fit the memory, at least one; other fits are alone")
  func companions() async throws {
    let devices = [0.4, 0.5, 0.6].map { SmallSweep.device("at \($0)", [.macs: $0]) }
    func requests(_ kind: ReconstructionKind) async throws -> (SmallSweep, [JobRequest]) {
      var sweep = try SmallSweep(devices: devices)
      sweep.definition.recipe.reconstruction = kind
      let jobs = try await sweep.run().jobs(.surgery)
      #expect(jobs.count == 3)
      return (sweep, try jobs.map { try JobRequest(payload: $0.payload) })
    }
    let (sweep, pairs) = try await requests(.paired)
    var last = 0
    for memory in stride(from: 100_000, through: 20_000_000, by: 400_000) {
      let places = await JobRequest.next(of: pairs, on: sweep.bench(cacheBytes: memory))
      #expect(places == Array(0..<places.count))
      #expect(places.count >= max(last, 1), "more memory, no fewer plans")
      last = places.count
    }
    #expect(last == 3)
    #expect(await JobRequest.next(of: pairs, on: sweep.bench(cacheBytes: 100_000)) == [0])
    #expect(try await requests(.single).1.allSatisfy { $0.pass == nil })
    let (_, sequential) = try await requests(.sequential)
    #expect(Set((pairs + sequential).map(\.pass)).count == 2)
  }
}
