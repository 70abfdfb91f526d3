import Foundation
import TestSupport
import Testing

extension SystemTests {
  @Suite("bad input")
  struct BadInputTests {
    /// A `run` with one thing wrong, and what its message must name.
    private struct Case {
      var name: String
      /// Replaces options of a good run.
      var options: [String: String] = [:]
      var extra: [String] = []
      var environment: [String: String] = [:]
      var names: [String]
    }

    @Test("bad input ends with 2 and a message that names what is wrong")
    func faults() async throws {
      try await TestCluster.with { cluster in
        for one in try cases(cluster) {
          var options = try good(cluster).merging(one.options) { $1 }
          let state = options.removeValue(forKey: "--state") ?? cluster.state
          let arguments =
            ["run", "--state", state] + options.sorted { $0.key < $1.key }.flatMap { [$0, $1] }
            + one.extra
          let ending = try await Program(.espalier, arguments, environment: one.environment)
            .ending()
          #expect(!ending.wasKilled, "\(one.name) crashed: \(ending.errors)")
          #expect(ending.status == 2, "\(one.name): \(ending.errors)")
          for name in one.names {
            #expect(
              ending.errors.contains(name), "\(one.name) does not say \(name): \(ending.errors)")
          }
        }
        // Nothing is left of any of them, and the good run goes through.
        #expect(cluster.processes.isEmpty)
        #expect(cluster.server == nil)
        try await cluster.espalier(
          ["run"] + good(cluster).flatMap { [$0, $1] } + ["--plan-only"])
      }
    }

    private func good(_ cluster: TestCluster) throws -> [String: String] {
      [
        "--model": TestCluster.model, "--calibration": try cluster.calibration(16),
        "--evaluation": try cluster.evaluation(16),
        "--devices": try cluster.write("devices.yaml", TestCluster.devices), "--workers": "0",
      ]
    }

    private func cases(_ cluster: TestCluster) throws -> [Case] {
      try models(cluster) + images(cluster) + catalogues(cluster) + places(cluster)
    }

    private func models(_ cluster: TestCluster) throws -> [Case] {
      let model = try Data(contentsOf: URL(filePath: TestCluster.model))
      var generator = SeededGenerator(seed: 7)
      let noise = Data((0..<5000).map { _ in UInt8.random(in: 0...255, using: &generator) })
      func file(_ name: String, _ data: Data) throws -> [String: String] {
        ["--model": try cluster.write(name, data)]
      }
      return [
        Case(
          name: "half a model", options: try file("half.onnx", model.prefix(model.count / 2)),
          names: ["half.onnx"]),
        Case(name: "noise", options: try file("noise.onnx", noise), names: ["noise.onnx"]),
        Case(name: "an empty file", options: try file("empty.onnx", Data()), names: ["empty.onnx"]),
        Case(
          name: "an unsupported operator",
          options: try file("operator.onnx", model.replacing(Data("Relu".utf8), with: "Relx")),
          names: ["operator.onnx", "node \"/Relx\"", "operator Relx"]),
        Case(
          name: "a missing model", options: ["--model": "/nowhere/model.onnx"],
          names: ["/nowhere/model.onnx"]),
        Case(
          name: "a folder for a model", options: ["--model": cluster.root.path],
          names: [cluster.root.lastPathComponent]),
      ]
    }

    private func images(_ cluster: TestCluster) throws -> [Case] {
      let record = 3073
      let two = try cluster.write("two.bin", Data(repeating: 3, count: 2 * record))
      let ragged = try cluster.write("ragged.bin", Data(repeating: 3, count: 2 * record + 100))
      let mislabelled = try cluster.write("labels.bin", Data(repeating: 77, count: 2 * record))
      let example = TestCluster.examples.appending(path: "shapes-test.npz").path
      let archive = try Data(contentsOf: URL(filePath: example))
      let torn = try cluster.write("torn.npz", archive.prefix(archive.count / 2))
      func cifar(_ name: String, _ file: String) throws -> String {
        try cluster.images(name, file: file, limit: 2, format: "cifar10-binary")
      }
      return [
        Case(
          name: "images of the wrong size",
          options: ["--calibration": try cifar("ragged.yaml", ragged)], names: ["ragged.bin"]),
        Case(
          name: "images of the wrong shape",
          options: ["--calibration": try cifar("two.yaml", two)],
          names: ["'two'", "[3, 32, 32]", "[3, 20, 20]"]),
        Case(
          name: "labels outside the classes",
          options: ["--evaluation": try cifar("labels.yaml", mislabelled)],
          names: ["labels.bin", "77"]),
        Case(
          name: "more classes than the description says",
          options: [
            "--evaluation": try cluster.images("few.yaml", file: example, limit: 16, classes: 3)
          ], names: ["shapes-test.npz", "label"]),
        Case(
          name: "half an archive",
          options: ["--evaluation": try cluster.images("torn.yaml", file: torn, limit: 16)],
          names: ["torn.npz"]),
        Case(
          name: "data that are not there",
          options: [
            "--calibration": try cluster.images("lost.yaml", file: "lost.npz", limit: 2)
          ], names: ["lost.npz"]),
        Case(
          name: "no description", options: ["--calibration": "/nowhere/data.yaml"],
          names: ["/nowhere/data.yaml"]),
        Case(
          name: "an unknown key",
          options: ["--calibration": try cluster.write("key.yaml", "format: npz\nlimits: 3\n")],
          names: ["key.yaml:2", "'limits'"]),
        Case(
          name: "more samples than there are", extra: ["--samples", "17"],
          names: ["17", "16 images"]),
        Case(
          name: "activations that overflow",
          options: [
            "--calibration": try cluster.images(
              "overflow.yaml",
              file: TestCluster.examples.appending(path: "shapes-calibration.npz").path,
              limit: 16, std: "1e-36")
          ], names: ["/stage1/stage1.0/Relu_output_0", "not finite"]),
      ]
    }

    private func catalogues(_ cluster: TestCluster) throws -> [Case] {
      func device(_ lines: String) -> String {
        "version: 1\ndevices:\n  - name: a\n    class: c\n    \(lines)\n"
      }
      let faults: [(name: String, text: String, names: [String])] = [
        ("unknown", device("budgets: {macs: 50%}\n    colour: red"), [":6", "colour"]),
        (
          "twice", device("budgets: {macs: 50%}\n  - name: a\n    budgets: {macs: 1M}"),
          [":6", "'a'"]
        ),
        ("negative", device("budgets: {macs: -3M}"), [":5", "-3M"]),
        ("unparsable", device("budgets: {macs: plenty}"), [":5", "plenty"]),
        ("resource", device("budgets: {watts: 3}"), [":5", "watts"]),
        (
          "narrow", device("budgets: {macs: 50%}\n    widths: {'*': {maximum: 1}}"),
          ["line 6", "at most 1"]
        ),
        ("broken", "version: 1\ndevices: [", []),
        ("empty", "", []),
      ]
      return try faults.map { fault in
        let file = "\(fault.name).yaml"
        return Case(
          name: "catalogue \(fault.name)",
          options: ["--devices": try cluster.write(file, fault.text)], names: [file] + fault.names)
      } + [
        Case(
          name: "a missing catalogue", options: ["--devices": "/nowhere/devices.yaml"],
          names: ["/nowhere/devices.yaml"])
      ]
    }

    private func places(_ cluster: TestCluster) throws -> [Case] {
      let empty = cluster.root.appending(path: "no programs")
      try FileManager.default.createDirectory(at: empty, withIntermediateDirectories: true)
      let file = try cluster.write("file", "not a folder")
      return [
        Case(
          name: "an unreachable database",
          extra: ["--database", "postgres://nobody:secret@127.0.0.1:1/none"],
          names: ["127.0.0.1", "cannot be reached"]),
        Case(
          name: "no database URL", extra: ["--database", "mysql://localhost/x"],
          names: ["database URL", "postgres://"]),
        Case(
          name: "no PostgreSQL",
          options: ["--state": cluster.root.appending(path: "fresh").path],
          environment: ["ESPALIER_PG_BIN": empty.path],
          names: [empty.path, "postgresql", "ESPALIER_PG_BIN"]),
        Case(
          name: "a state folder inside a file", options: ["--state": "\(file)/state"],
          names: ["\(file)/state", "--state"]),
      ]
    }

    @Test("commands about files refuse bad ones as run does")
    func files() async throws {
      try await TestCluster.with { cluster in
        let bad = try cluster.write("bad.yaml", "version: 1\ndevices:\n  - nam: a\n")
        let noise = try cluster.write("noise.onnx", Data(repeating: 255, count: 99))
        let data = try cluster.evaluation(16)
        let commands: [(arguments: [String], names: String)] = [
          (["devices", "check", bad], "bad.yaml:3"), (["inspect", noise], "noise.onnx"),
          (["inspect", "/nowhere.onnx"], "/nowhere.onnx"),
          (["evaluate", noise, "--data", data], "noise.onnx"),
          (["evaluate", TestCluster.model, "--data", "/nowhere.yaml"], "/nowhere.yaml"),
          (["variants", "--state", "/nowhere/state"], "/nowhere/state"),
        ]
        for command in commands {
          let ending = try await Program(.espalier, command.arguments).ending()
          #expect(ending.status == 2 && !ending.wasKilled, "\(command): \(ending.errors)")
          #expect(ending.errors.contains(command.names), "\(command): \(ending.errors)")
        }
        let check = try await Program(
          .espalier,
          ["devices", "check", TestCluster.examples.appending(path: "devices.yaml").path]
        ).ending()
        #expect(check.status == 0)
        #expect(check.output.split(separator: "\n").count == 14)
      }
    }

    @Test("bad usage ends with 2 and shows the usage; help ends with 0")
    func usage() async throws {
      let bad: [[String]] = [
        ["frobnicate"], ["run"], ["run", "--model"], ["variants", "--limit", "many"],
        ["variants", "--format", "xml"], ["watch"], ["export", "x"], ["status", "--colour"],
        [
          "run", "--model", "m", "--calibration", "c", "--devices", "d", "--evaluation", "e",
          "--workers", "-1",
        ],
        ["run", "--model", "m", "--calibration", "c", "--devices", "d"],
        [
          "run", "--model", "m", "--calibration", "c", "--devices", "d", "--no-evaluate",
          "--samples", "1",
        ],
      ]
      for arguments in bad {
        let ending = try await Program(.espalier, arguments).ending()
        #expect(ending.status == 2 && !ending.wasKilled, "\(arguments): \(ending.status)")
        #expect(ending.errors.contains("Usage: espalier"), "\(arguments): \(ending.errors)")
        #expect(ending.output.isEmpty)
      }
      let commands = [
        "run", "score", "submit", "watch", "cancel", "sweeps", "jobs", "up", "down", "status",
        "scores", "variants", "export", "explain", "inspect", "evaluate", "devices",
      ]
      for command in commands {
        let ending = try await Program(.espalier, [command, "--help"]).ending()
        #expect(ending.status == 0)
        #expect(ending.output.contains("espalier \(command)"))
        #expect(ending.errors.isEmpty)
      }
      let help = try await Program(.espalier, ["--help"]).ending()
      #expect(help.status == 0)
      for command in commands { #expect(help.output.contains("\n  \(command)")) }
    }

    @Test("a port in use is named")
    func port() async throws {
      try await TestCluster.with { cluster in
        let taken = try TakenPort()
        let endpoint = "tcp://127.0.0.1:\(taken.number)"
        let ending = try await cluster.espalier(
          "up", "--workers", "1", "--listen", endpoint, expecting: 2)
        #expect(ending.errors.contains(endpoint), "\(ending.errors)")
        #expect(ending.errors.contains("in use"), "\(ending.errors)")
        #expect(cluster.processes.isEmpty)
        try await cluster.espalier("up", "--workers", "1")
        try await cluster.espalier("down")
      }
    }
  }
}

/// A TCP port of this machine that somebody listens on.
private struct TakenPort: ~Copyable {
  let number: UInt16
  private let socket: FileHandle

  init() throws {
    let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    socket = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isListening = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) == 0 && listen(descriptor, 1) == 0
          && getsockname(descriptor, $0, &size) == 0
      }
    }
    try #require(isListening, "no port to take")
    number = UInt16(bigEndian: address.sin_port)
  }
}

extension Data {
  /// The same bytes with every occurrence of a word replaced by another of equal length.
  fileprivate func replacing(_ word: Data, with other: String) -> Data {
    var result = self
    var start = result.startIndex
    while let found = result.range(of: word, in: start..<result.endIndex) {
      result.replaceSubrange(found, with: Data(other.utf8))
      start = found.upperBound
    }
    return result
  }
}
