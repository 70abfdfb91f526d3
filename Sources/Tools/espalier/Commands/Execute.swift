import ArgumentParser
import Datasets
import Execution
import Foundation
import NetworkGraph
import ONNXFormat
import OneDNNBackend
import Quantities
import Tensors

/// `espalier execute`: a network on tensors, for scripts that compare.
struct ExecuteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "execute",
    abstract: "Run a network on NumPy arrays and write its outputs as such.",
    discussion: """
      Outputs are written to <output-dir>/<name of the output>.npy; characters of a name that are \
      no letters, digits, dots, dashes or underscores become underscores.

      --cases runs many: a line each of model, inputs and output folder, separated by tabs. A case \
      that fails leaves error.txt in its output folder, and the others go on.
      """)

  @Argument(help: "The ONNX file.") var model: String?
  @Option(
    help: ArgumentHelp("An input, in the order of the network's.", valueName: "file.npy"))
  var input: [String] = []
  @Option(help: ArgumentHelp("Where outputs go; made if missing.", valueName: "dir"))
  var outputDir: String?
  @Option(help: ArgumentHelp("Many runs, one a line, instead of one.", valueName: "file"))
  var cases: String?
  @Option(help: "\(BackendName.names).") var backend = BackendName.onednn
  @Flag(help: "Take axis 0 as any other, not as the batch.") var wholeGraph = false
  @OptionGroup var models: ModelOptions

  func validate() throws {
    guard (model == nil) == (cases != nil), (model == nil) == (outputDir == nil) else {
      throw ValidationError("give a model with --output-dir, or --cases")
    }
    guard cases == nil || input.isEmpty else {
      throw ValidationError("--input: inputs of --cases stand in its file")
    }
  }

  func run() throws {
    let execution = NetworkExecution(
      backend: backend.backend,
      options: try models.importing(batch: wholeGraph ? .none : .leading))
    if let model, let outputDir {
      try execution.run(model, inputs: input, outputs: URL(filePath: outputDir))
    } else if let cases {
      let (count, failures) = try execution.run(cases: URL(filePath: cases))
      print("\(count) cases, \(failures) failed")
    }
  }
}

/// A backend, by name.
enum BackendName: String, ExpressibleByArgument, CaseIterable {
  case onednn, reference

  static var names: String { allCases.map(\.rawValue).joined(separator: " or ") }

  var backend: any Backend {
    switch self {
    case .onednn: OneDNNBackend()
    case .reference: ReferenceBackend()
    }
  }
}

/// Runs networks on arrays in files.
private struct NetworkExecution {
  var backend: any Backend
  var options: ImportOptions

  func run(_ model: String, inputs: [String], outputs folder: URL) throws {
    let network = try ONNXModel.read(URL(filePath: model), options: options)
    let inputs = try inputs.map { try NumPyFile.read(URL(filePath: $0)) }
    let batches = zip(network.inputs, inputs).compactMap { id, tensor in
      network[id].shape.batchAxis
        .flatMap { $0 < tensor.rank ? tensor.shape[$0] : nil }
    }
    let options = ExecutionOptions(batch: max(batches.first ?? 1, 1))
    let plan = try backend.plan(network, options: options)
    let result = try plan.run(inputs)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for output in network.outputs {
      guard let tensor = result.values[output] else { continue }
      try NumPyFile.write(
        tensor, as: NumPyFile.ElementType(network[output].elementType),
        to: folder.appending(path: "\(Self.fileName(network[output].name)).npy"))
    }
  }

  /// - Returns: The number of cases, and of those that failed.
  func run(cases file: URL) throws -> (count: Int, failures: Int) {
    let lines: [Substring]
    do {
      lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
    } catch {
      throw InputError("\(file.path): cannot be read: \(error.systemReason)")
    }
    var failures = 0
    for (place, line) in lines.enumerated() {
      let fields = line.split(separator: "\t").map(String.init)
      guard fields.count >= 2 else {
        throw InputError(
          "\(file.path), case \(place + 1): give model, inputs and output folder, separated by tabs"
        )
      }
      let folder = URL(filePath: fields[fields.count - 1])
      do {
        try run(fields[0], inputs: Array(fields[1..<fields.count - 1]), outputs: folder)
      } catch {
        failures += 1
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data("\(error)\n".utf8).write(to: folder.appending(path: "error.txt"))
      }
    }
    return (lines.count, failures)
  }

  private static func fileName(_ name: String) -> String {
    String(
      String.UnicodeScalarView(
        name.unicodeScalars.map { scalar in
          switch scalar {
          case "a"..."z", "A"..."Z", "0"..."9", ".", "_", "-": scalar
          default: "_"
          }
        }))
  }
}

extension NumPyFile.ElementType {
  init(_ type: NetworkGraph.ElementType) {
    self =
      switch type {
      case .float32: .float32
      case .int64: .int64
      case .int32: .int32
      case .int8: .int8
      case .uint8: .uint8
      case .bool: .bool
      }
  }
}
