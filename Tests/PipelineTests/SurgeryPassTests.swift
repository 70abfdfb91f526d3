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

  @Test("as many pass together as fit the memory, at least one, and none that is fitted otherwise")
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
    for memory in stride(from: 100_000, through: 3_000_000, by: 100_000) {
      let places = await JobRequest.next(of: pairs, on: sweep.bench(cacheBytes: memory))
      #expect(places == Array(0..<places.count))
      #expect(places.count >= max(last, 1), "more memory, no fewer plans")
      last = places.count
    }
    #expect(last == 3)
    #expect(await JobRequest.next(of: pairs, on: sweep.bench(cacheBytes: 100_000)) == [0])
    let (_, single) = try await requests(.single)
    #expect(single.allSatisfy { $0.pass == nil })
    let (_, sequential) = try await requests(.sequential)
    #expect(Set((pairs + sequential).map(\.pass)).count == 2)
  }
}
