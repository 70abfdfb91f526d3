import Digests
import Execution
import Foundation
import JobEngine
import Logging
import Messaging
import Pipeline

extension Coordinator {
  /// Takes a worker in, or refuses it.
  func welcome(_ hello: WorkerHello, at peer: PeerID) async throws {
    let name = hello.workerID
    let own = hello.backend.identity
    if workers.isEmpty { identity = own }
    if let identity, identity != own, !configuration.allowsMixed {
      let reason = """
        worker \(name) computes with \(own), the others here with \(identity): their results differ \
        in the last bits. Use one kind of machine, or start the cluster with --allow-mixed
        """
      logger.warning("refused a worker", metadata: ["worker.id": "\(name)", "reason": "\(reason)"])
      return send(.refused(reason: reason), to: peer)
    }
    workers[peer] = WorkerSession(hello)
    try await stores.workers.connected(
      id: name, processID: Int(hello.processID), host: hello.host,
      identity: try CanonicalJSON.encode(BackendIdentity(hello)), threads: hello.threads)
    logger.info("worker", metadata: ["worker.id": "\(name)"])
    send(
      .welcome(
        heartbeatInterval: configuration.heartbeatInterval,
        leaseDuration: configuration.leaseDuration), to: peer)
    jobsMayBeThere()
  }

  /// Extends the leases of workers that live, all in one statement.
  func renew(_ heartbeats: [PeerID: Intake.Heartbeat]) async throws {
    let known = heartbeats.compactMap { peer, beat in
      workers[peer].map { (peer: peer, session: $0, beat: beat) }
    }
    guard !known.isEmpty else { return }
    let held = known.flatMap { _, session, beat in
      beat.jobs.map { HeldJob($0.lease, by: session.hello.workerID) }
    }
    let still = Set(
      try await stores.jobs.extend(held, duration: configuration.leaseDuration).map(\.message))
    try await stores.workers.seen(known.map(\.session.hello.workerID))
    for (peer, session, beat) in known {
      session.usage = beat.usage
      session.confirm(beat.jobs.filter(still.contains))
      session.note(beat.underway)
      for job in beat.jobs where !still.contains(job) {
        send(.cancel(job), to: peer)
        session.drop(job)
      }
    }
  }

  /// Gives jobs to workers that can take some, a portion each and then another, so that all are busy.
  func dispatch() async throws {
    let free = workers.values.reduce(0) { $0 + max($1.freeCredits, 0) }
    guard !isDraining, free > 0 else { return }
    if window.needsMore(for: free) {
      let limit = max(1024, 4 * free)
      window.beginReading()
      let jobs = try await stores.jobs.available(limit: limit)
      var filled = await Self.window(jobs, isWhole: jobs.count < limit, after: window)
      filled.takeNotes(of: window)
      window = filled
    }
    let chosen = choose()
    guard !chosen.isEmpty else { return }
    let attempts = try await stores.jobs.lease(
      chosen.flatMap { choice in
        choice.portion.map {
          Assignment(job: $0.job.id, worker: choice.session.hello.workerID)
        }
      }, duration: configuration.leaseDuration)
    let references = Dictionary(uniqueKeysWithValues: attempts.map { ($0.id, $0.message) })
    var orphaned: Set<String> = []
    var given: [Choice] = []
    for choice in chosen {
      var choice = choice
      choice.portion.removeAll { references[$0.job.id] == nil }
      guard !choice.portion.isEmpty else { continue }
      if workers[choice.peer] === choice.session {
        given.append(choice)
      } else {
        orphaned.insert(choice.session.hello.workerID)
      }
    }
    let (gangs, lent) = (gangs(among: given), lentThreads(among: given))
    for (place, choice) in given.enumerated() {
      let leased = choice.portion.compactMap { entry in
        references[entry.job.id].map { (entry: entry, job: $0) }
      }
      choice.session.take(leased, borrowing: lent[place])
      send(
        .assign(
          leased.map { entry, reference in
            let job = entry.job.specification
            return JobAssignment(
              job: reference, stage: job.stage, label: job.label, payload: job.payload)
          }, with: gangs[place], lentThreads: lent[place]), to: choice.peer)
    }
    // They left while their jobs were being leased.
    for worker in orphaned where !workers.values.contains(where: { $0.hello.workerID == worker }) {
      if try await stores.jobs.release(worker: worker) > 0 { jobsCameBack() }
    }
  }

  /// Reading payloads takes its time: away from the actor.
  private nonisolated static func window(
    _ jobs: [QueuedJob], isWhole: Bool, after last: JobWindow
  ) async -> JobWindow {
    JobWindow(jobs, isWhole: isWhole, after: last)
  }

  /// A portion for a worker.
  private struct Choice {
    var peer: PeerID
    var session: WorkerSession
    /// Portions that the worker does before.
    var level: Int
    var portion: [JobWindow.Entry]

    var shards: Set<Digest> { Set(portion.flatMap(\.shards)) }
  }

  /// Jobs of one pass that a worker is given at one time, at most.
  private static let largestPortion = 64

  private func choose() -> [Choice] {
    var choices: [Choice] = []
    var given: [PeerID: Int] = [:]
    var shares = PassShares(of: window, among: workers.values, expecting: configuration)
    let others = workers.count > 1
    let most = workers.values.map(\.hello.credits).max() ?? 0
    for level in 0..<most {
      // Those who make passes together are given the next one together.
      var waiting: Set<String> = []
      for (peer, session) in workers where session.heldPortions + given[peer, default: 0] > level {
        if let neighbourhood = session.neighbourhood { waiting.insert(neighbourhood) }
      }
      for (peer, session) in workers {
        let count = session.heldPortions + given[peer, default: 0]
        guard count <= level, session.hello.credits > level, window.count > 0 else { continue }
        func isUnwelcome(_ entry: JobWindow.Entry) -> Bool {
          // Nobody else there: then again by the same.
          if others, session.refusedJobs.contains(entry.job.id) { return true }
          // Who has something to do leaves the rest to those who have less, and waits for neighbours.
          guard level > 0, let pass = entry.pass else { return false }
          return !shares.hasRoom(for: pass, at: session)
            || entry.makesGangs && session.neighbourhood.map(waiting.contains) ?? false
        }
        guard let first = window.take(holding: shares.shards(of: session), unless: isUnwelcome)
        else { continue }
        var portion = [first]
        shares.give(first, to: session)
        if let pass = first.pass {
          while portion.count < Self.largestPortion, shares.hasRoom(for: pass, at: session),
            let next = window.take(
              holding: shares.shards(of: session), unless: { $0.pass != pass || isUnwelcome($0) })
          {
            portion.append(next)
            shares.give(next, to: session)
          }
        }
        given[peer, default: 0] += 1
        choices.append(Choice(peer: peer, session: session, level: level, portion: portion))
      }
    }
    return choices
  }

  /// Who does portions of one pass together: neighbours that are given them at the same time, will
  /// come to them at the same time, and would each take the same images through the network.
  ///
  /// - Returns: By choice; nil for who works alone.
  private func gangs(among choices: [Choice]) -> [GangAssignment?] {
    struct Meeting: Hashable {
      var neighbourhood: String
      var pass: Digest
    }
    var gangs = [GangAssignment?](repeating: nil, count: choices.count)
    for level in Set(choices.map(\.level)).sorted() {
      let places = choices.indices.filter { choices[$0].level == level }
      let meetings = Dictionary(grouping: places) { place -> Meeting? in
        let choice = choices[place]
        guard let neighbourhood = choice.session.neighbourhood, let pass = choice.portion[0].pass,
          choice.portion[0].makesGangs
        else { return nil }
        return Meeting(neighbourhood: neighbourhood, pass: pass)
      }
      for case (.some, let members) in meetings {
        guard let gang = gang(of: members.map { choices[$0] }, level: level) else { continue }
        for (place, choice) in members.enumerated() {
          gangs[choice] = gang
          gangs[choice]?.place = place
        }
      }
      for place in places { choices[place].session.lastGang = gangs[place]?.name }
    }
    return gangs
  }

  /// By choice: threads of neighbours that nothing is left for, dealt out among those who are given
  /// what takes long. The neighbours' own next jobs then share the processors with them for a while.
  private func lentThreads(among choices: [Choice]) -> [Int] {
    var lent = [Int](repeating: 0, count: choices.count)
    guard window.count == 0 else { return lent }
    let borrowers = choices.indices.filter { place in
      choices[place].level == 0
        && choices[place].portion.allSatisfy { $0.request?.scalesWithThreads == true }
    }
    let given = Set(choices.map(\.peer))
    for (neighbourhood, places) in Dictionary(
      grouping: borrowers, by: { choices[$0].session.neighbourhood })
    {
      guard let neighbourhood else { continue }
      let neighbours = workers.filter { $0.value.neighbourhood == neighbourhood }
      let idle = neighbours.filter { $0.value.heldPortions == 0 && !given.contains($0.key) }
      let threads = max(
        idle.values.reduce(0) { $0 + $1.hello.threads }
          - neighbours.values.reduce(0) { $0 + $1.borrowedThreads }, 0)
      for (rank, place) in places.enumerated() {
        lent[place] = (threads + rank) / places.count
      }
    }
    return lent
  }

  /// Bytes of payloads in a message, at most: each member is told what all do.
  private static let largestGang = 8 << 20

  private func gang(of members: [Choice], level: Int) -> GangAssignment? {
    let together = members.reduce(into: Set<Digest>()) { $0.formUnion($1.shards) }
    let portions = members.map { $0.portion.map(\.job.specification.payload) }
    guard together.count < members.reduce(0, { $0 + $1.shards.count }),
      portions.joined().reduce(0, { $0 + $1.count }) <= Self.largestGang
    else { return nil }
    // Who is in the middle of another pass would keep the others waiting; other jobs are short.
    let last = Set(members.map(\.session.lastGang))
    let areFree = members.allSatisfy { !$0.session.holdsPass }
    guard level == 0 || last.count == 1 && (areFree || !last.contains(nil)) else { return nil }
    gangCount += 1
    return GangAssignment(
      name: "\(name)-\(gangCount)", place: 0, portions: portions,
      memory: members.map(\.session.hello.memory).min() ?? 0,
      threads: members.map(\.session.hello.threads).max() ?? 1)
  }
}

extension BackendIdentity {
  fileprivate init(_ hello: WorkerHello) {
    self.init(
      name: hello.backend.name, version: hello.backend.version,
      instructionSet: hello.backend.instructionSet)
  }
}
