import Devices
import Digests
import Execution
import Foundation
import NetworkGraph
import ONNXFormat
import OneDNNBackend
import Pipeline
import Tensors
import TestSupport
import Testing
import WorkerService

/// Real commands in a real shell.
@Suite("Recovery by a user's command", .tags(.backend))
struct ExternalRecoveryTests {
  /// The variant that a sweep makes with a command.
  private func variant(
    _ command: String, minutes: Double = 5, allowed: Bool = true
  ) async throws -> (VariantReport, SmallSweep) {
    var sweep = try SmallSweep(devices: [SmallSweep.device("phone", [.macs: 0.5])])
    sweep.definition.recipe.recoverWith = command
    sweep.definition.recipe.recoveryMinutes = minutes
    let bench = Workbench(
      backend: OneDNNBackend(), threads: 1, artifacts: sweep.artifacts,
      commands: allowed ? ShellCommands() : nil)
    let report = try await Cluster(bench: bench, forgiving: [.recovery]).drive(sweep.pipeline())
      .report
    return (try #require(report.variants.first), sweep)
  }

  @Test("a command that copies leaves the network as it was, evaluated again and recorded")
  func copy() async throws {
    let (variant, sweep) = try await variant("cp {model} {output}")
    #expect(variant.status == .ready, "\(variant.reason ?? "")")
    #expect(variant.evaluation == variant.evaluationFitted)
    let network = try sweep.decoded(try #require(variant.digest))
    #expect(network.metadata.properties["espalier.step"] == "recovery")
    #expect(network.metadata.properties["espalier.recovered_with"] == "cp {model} {output}")
    #expect(
      network.metadata.properties["espalier.parent"] == sweep.definition.model.digest.hex)
  }

  @Test("what the command changes is what is evaluated")
  func changed() async throws {
    // Weights of the classifier all zero: every class scores the same, so the first one counts.
    let plain = try await variant("cp {model} {output}")
    var network = try plain.1.decoded(try #require(plain.0.digest))
    let place = try #require(
      network.nodes.first {
        if case .gemm = $0.operation { true } else { false }
      })
    for input in place.inputs.dropFirst().compactMap(\.self) {
      network[input].constant?.elements.withUnsafeMutableBufferPointer { $0.update(repeating: 0) }
    }
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).onnx")
    defer { try? FileManager.default.removeItem(at: file) }
    try ONNXModel.encode(network).write(to: file)
    let (variant, _) = try await variant("test -s {model} && cp '\(file.path)' {output}")
    #expect(variant.status == .ready, "\(variant.reason ?? "")")
    #expect(variant.evaluation?.cosine == 0)
    #expect(variant.evaluationFitted == plain.0.evaluation)
  }

  @Test(
    "commands that fail say how, and leave the variant as failed",
    arguments: [
      ("echo no GPU here >&2; exit 3 # {model} {output}", ["status 3", "no GPU here"]),
      ("true {model} {output}", ["wrote no {output}"]),
      ("head -c 100 {model} > {output}", ["no network"]),
      ("nothing-of-this-name {model} {output}", ["status 127", "not found"]),
    ])
  func failures(command: String, words: [String]) async throws {
    let (variant, _) = try await variant(command)
    #expect(variant.status == .failed)
    let reason = try #require(variant.reason)
    for word in words + [command] { #expect(reason.contains(word), "\(reason)") }
  }

  @Test("a command that takes too long is ended with what it started")
  func timeout() async throws {
    // Were it not ended, it would leave a good file.
    let (variant, _) = try await variant(
      "echo begun; sleep 600; cp {model} {output}", minutes: 0.01)
    #expect(variant.status == .failed)
    #expect(variant.reason?.contains("0.01 minutes") == true)
    #expect(variant.reason?.contains("begun") == true)
  }

  @Test("other widths, and another interface, are refused")
  func otherNetworks() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let dense = try SmallSweep.residualNetwork()
    try ONNXModel.encode(dense).write(to: folder.appending(path: "dense.onnx"))
    let (wide, _) = try await variant("cp '\(folder.path)/dense.onnx' {output} # {model}")
    #expect(wide.status == .failed)
    #expect(wide.reason?.contains("changed widths") == true, "\(wide.reason ?? "")")

    let (plain, sweep) = try await variant("cp {model} {output}")
    var renamed = try sweep.decoded(try #require(plain.digest))
    renamed[renamed.outputs[0]].name = "answers"
    try ONNXModel.encode(renamed).write(to: folder.appending(path: "renamed.onnx"))
    let (other, _) = try await variant("cp '\(folder.path)/renamed.onnx' {output} # {model}")
    #expect(other.status == .failed)
    #expect(other.reason?.contains("answers") == true, "\(other.reason ?? "")")
  }

  @Test("a worker that may not run commands refuses them, and says how to allow it")
  func refused() async throws {
    let (variant, _) = try await variant("cp {model} {output}", allowed: false)
    #expect(variant.status == .failed)
    #expect(variant.reason?.contains("--allow-commands") == true)
  }

  @Test("a command without a place to read or write is refused before anything runs")
  func incomplete() throws {
    for command in ["train.sh {model}", "train.sh {output}", ""] {
      var sweep = try SmallSweep()
      sweep.definition.recipe.recoverWith = command
      #expect(throws: PipelineError.self) { _ = try sweep.pipeline() }
    }
  }
}
