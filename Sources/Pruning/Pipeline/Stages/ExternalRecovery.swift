import Datasets
import Digests
import Foundation
import NetworkGraph
import ONNXFormat
import Tensors

/// A user's own fine-tuning of an exported variant, as a command that reads one file and writes
/// another.
struct ExternalRecovery: JobComputation {
  static let stage = Stage.recovery
  static let kind = "external-recovery-1"

  struct Summary: Codable, Sendable {
    var seconds: Double
  }

  var model: Digest
  /// With `{model}` and `{output}` in it.
  var command: String
  var minutes: Double

  /// - Returns: Artifact: the network that the command wrote.
  /// - Throws: ``PipelineError`` with `commandFailed`, and the end of what the command printed.
  func compute(on bench: Workbench) async throws -> Outcome<Summary> {
    guard let runner = bench.commands else {
      throw PipelineError(
        .commandsRefused,
        "this worker runs no commands: start it with --allow-commands, or its cluster with "
          + "`espalier up --allow-commands`")
    }
    let data = try await bench.artifacts.data(for: model)
    let started = ContinuousClock.now
    let written = try await bench.compute { try output(of: data, by: runner, bench.progress) }
    let took = ContinuousClock.now - started
    let original = try ONNXModel.decode(data, name: model.short)
    var network: Network
    do {
      network = try ONNXModel.decode(written, name: "output")
    } catch {
      throw failure("what it wrote is no network that can be read: \(error)")
    }
    if let difference = network.difference(from: original) { throw failure(difference) }
    network.metadata.properties.merge(original.metadata.properties) { $1 }
    network.metadata.properties["espalier.step"] = "recovery"
    network.metadata.properties["espalier.recovered_with"] = command
    let artifact = try await bench.artifacts.put(try ONNXModel.encode(network))
    return Outcome(
      Summary(seconds: took / .seconds(1)), artifacts: [artifact])
  }

  /// What the command wrote.
  private func output(
    of data: Data, by runner: any CommandRunner, _ progress: WorkProgress
  ) throws -> Data {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "espalier-recovery-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (model, output) = (
      folder.appending(path: "model.onnx"), folder.appending(path: "output.onnx")
    )
    try data.write(to: model)
    let text =
      command
      .replacingOccurrences(of: "{model}", with: model.path.shellQuoted)
      .replacingOccurrences(of: "{output}", with: output.path.shellQuoted)
    let ending = try runner.run(text, minutes: minutes) { progress.isWanted }
    try progress.check()
    let said = ending.tail.isEmpty ? "; it printed nothing" : "; it printed last:\n\(ending.tail)"
    if ending.hasTimedOut {
      throw failure("it was ended after \(minutes.formatted) minutes\(said)")
    }
    guard ending.status == 0 else { throw failure("it ended with status \(ending.status)\(said)") }
    guard let written = try? Data(contentsOf: output) else {
      throw failure("it ended well and wrote no {output}\(said)")
    }
    return written
  }

  private func failure(_ reason: String) -> PipelineError {
    PipelineError(.commandFailed, "recovery command '\(command)': \(reason)")
  }
}

extension Recipe {
  /// Throws unless a recovery command says where it reads and writes.
  func checkRecovery() throws {
    guard let recoverWith else { return }
    guard recoverWith.contains("{model}"), recoverWith.contains("{output}") else {
      throw PipelineError(
        .invalidInput,
        "the recovery command '\(recoverWith)' lacks {model} or {output}, the files it reads and writes"
      )
    }
    guard recoveryMinutes > 0, recoveryMinutes.isFinite else {
      throw PipelineError(.invalidInput, "a recovery command needs minutes, above 0")
    }
  }
}

extension String {
  /// One word of a shell.
  fileprivate var shellQuoted: String {
    "'" + replacingOccurrences(of: "'", with: "'\\''") + "'"
  }
}

extension Double {
  fileprivate var formatted: String { self == rounded() ? "\(Int(self))" : "\(self)" }
}
