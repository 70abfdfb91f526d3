import Digests
import Foundation
import Messaging
import TestSupport

/// Messages of every case with random content, the same for the same seed.
struct RandomMessages {
  var generator: SeededGenerator

  init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

  mutating func data(upTo limit: Int = 300) -> Data {
    let count = Int.random(in: 0...limit, using: &generator)
    return Data((0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) })
  }

  mutating func text() -> String {
    let alphabet = Array("aZ 0\u{0}'\"\n{}é漢🌿")
    let count = Int.random(in: 0...20, using: &generator)
    return String((0..<count).map { _ in alphabet.randomElement(using: &generator) ?? "-" })
  }

  mutating func digest() -> Digest { Digest(of: data()) }

  mutating func job() -> JobReference {
    JobReference(
      id: Int64.random(in: Int64.min...Int64.max, using: &generator),
      attempt: Int.random(in: 1...Int(Int32.max), using: &generator))
  }

  mutating func size() -> Int { Int.random(in: 0...Int.max / 2, using: &generator) }

  mutating func workerMessages() -> [WorkerMessage] {
    let bytes = data()
    let offset = size()
    return [
      .hello(
        WorkerHello(
          workerID: text(), processID: Int32.random(in: 0...Int32.max, using: &generator),
          host: text(),
          backend: .init(name: text(), version: text(), instructionSet: text()),
          threads: Int.random(in: 0...1000, using: &generator),
          credits: Int.random(in: 0...1000, using: &generator), neighbourhood: text(),
          memory: size())),
      .heartbeat(
        (0..<Int.random(in: 0...5, using: &generator)).map { _ in job() },
        WorkerUsage(memory: size(), images: size()),
        underway: JobsUnderway(
          (0..<Int.random(in: 0...3, using: &generator)).map { _ in job() },
          share: Double.random(in: 0...1, using: &generator))),
      .fetch(digest(), offset: size(), length: size()),
      .store(digest(), offset: offset, total: offset + bytes.count, bytes: bytes),
      .completed(
        job(), summary: data(),
        artifacts: (0..<Int.random(in: 0...5, using: &generator)).map { _ in digest() },
        enclosed: (0..<Int.random(in: 0...3, using: &generator)).map { _ in data() }),
      .failed(job(), code: text(), message: text(), retryable: Bool.random(using: &generator)),
      .goodbye,
    ]
  }

  mutating func coordinatorMessages() -> [CoordinatorMessage] {
    let bytes = data()
    let offset = size()
    return [
      .welcome(
        heartbeatInterval: .milliseconds(Int.random(in: 0...1_000_000, using: &generator)),
        leaseDuration: .milliseconds(Int.random(in: 0...1_000_000, using: &generator))),
      .refused(reason: text()),
      .assign(
        (0..<Int.random(in: 1...5, using: &generator)).map { _ in
          JobAssignment(job: job(), stage: text(), label: text(), payload: data())
        }, with: Bool.random(using: &generator) ? gang() : nil,
        lentThreads: Int.random(in: 0...64, using: &generator)),
      .acknowledged(job(), accepted: Bool.random(using: &generator)),
      .cancel(job()),
      .drain,
      .chunk(digest(), offset: offset, total: offset + bytes.count, bytes: bytes),
      .missing(digest()),
      .stored(digest(), nextOffset: size()),
      .unavailable(digest(), reason: text()),
      .introduce,
    ]
  }

  mutating func gang() -> GangAssignment {
    let members = Int.random(in: 1...4, using: &generator)
    return GangAssignment(
      name: text(), place: Int.random(in: 0..<members, using: &generator),
      portions: (0..<members).map { _ in
        (0..<Int.random(in: 0...3, using: &generator)).map { _ in data() }
      }, memory: size(), threads: Int.random(in: 0...1000, using: &generator))
  }

  mutating func requests() -> [ControlRequest] {
    [
      .submit(data()), .cancel(sweep: text()), .status,
      .drain(shutdown: Bool.random(using: &generator)),
    ]
  }

  mutating func replies() -> [ControlReply] {
    [.ok(data()), .failed(code: text(), message: text())]
  }
}
