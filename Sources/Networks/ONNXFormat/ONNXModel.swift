import Foundation
import NetworkGraph
import ONNXSchema
import Quantities
import SwiftProtobuf
import Tensors

/// Networks as ONNX files.
///
/// Reading evaluates everything that depends on constants and shapes alone, so that the network
/// holds only operators with weights and attributes; writing uses the opset the file came with.
public enum ONNXModel {
  /// The opsets of ai.onnx that are read and written.
  public static let opsets: ClosedRange<Int64> = 9...28

  /// A network, and what its reader should know about how the file was understood.
  public struct Reading: Sendable {
    public var network: Network
    /// Sentences for people, such as which weights were stored in half precision.
    public var notes: [String]
  }

  /// Reads a model file, and the external data it refers to.
  ///
  /// - Throws: ``ONNXError`` naming the file, the node or the tensor.
  public static func read(_ url: URL, options: ImportOptions = ImportOptions()) throws -> Network {
    try reading(url, options: options).network
  }

  /// Reads a model file, and says what a user should know about it; see ``read(_:options:)``.
  public static func reading(
    _ url: URL, options: ImportOptions = ImportOptions()
  ) throws -> Reading {
    let data: Data
    do {
      // Mapped: the file's bytes need no memory beside the tensors made from them.
      data = try Data(contentsOf: url, options: .mappedIfSafe)
    } catch {
      throw ONNXError(
        .unreadable, "\(url.path): cannot be read: \(error.systemReason); check the path")
    }
    return try reading(
      data, name: url.lastPathComponent, directory: url.deletingLastPathComponent(),
      options: options)
  }

  /// Reads a model from its bytes.
  ///
  /// - Parameters:
  ///   - name: What errors call the model, such as its file name.
  ///   - directory: Where external data lies; nil refuses it.
  /// - Throws: ``ONNXError`` naming the model, the node or the tensor.
  public static func decode(
    _ data: Data, name: String, directory: URL? = nil, options: ImportOptions = ImportOptions()
  ) throws -> Network {
    try reading(data, name: name, directory: directory, options: options).network
  }

  private static func reading(
    _ data: Data, name: String, directory: URL?, options: ImportOptions
  ) throws -> Reading {
    do {
      var importer = try importer(data, directory: directory, options: options)
      let network = try importer.network()
      return Reading(network: network, notes: importer.notes.messages)
    } catch let error as ONNXError {
      throw error.prefixed(by: name)
    } catch let error as NetworkError {
      throw ONNXError(
        error.code == .unsupported ? .unsupported : .invalidGraph, "\(name): \(error.message)")
    }
  }

  private static func importer(
    _ data: Data, directory: URL?, options: ImportOptions
  ) throws -> Importer {
    let model: Onnx_ModelProto
    do {
      model = try Onnx_ModelProto(serializedBytes: data)
    } catch {
      throw ONNXError(
        .malformed, "not an ONNX model, or cut short (\(data.count) bytes); export it again")
    }
    return try Importer(model: model, directory: directory, options: options)
  }

  /// Weights beyond this many bytes go into a file beside the model: protocol buffers end at 2 GiB.
  public static let embeddingLimit = 1_800_000_000

  /// The bytes of a model file.
  ///
  /// Names, opset, documentation and metadata of the network are kept; weights are raw data.
  ///
  /// - Parameter lineage: Added to `metadata_props`; replaces entries with the same keys.
  /// - Throws: ``ONNXError`` with `unsupported` where the opset has no such operator, or where the
  ///   weights pass ``embeddingLimit``.
  public static func encode(_ network: Network, lineage: [String: String] = [:]) throws -> Data {
    let bytes = initializerBytes(network)
    guard bytes <= embeddingLimit else {
      throw ONNXError(
        .unsupported,
        """
        network \"\(network.name)\" holds \(bytes) bytes of weights, more than one ONNX file can; \
        write it to a path, where its weights lie in a file beside it
        """)
    }
    var exporter = Exporter(network: network)
    return try serialised(exporter.model(lineage: lineage), of: network)
  }

  private static func serialised(_ model: Onnx_ModelProto, of network: Network) throws -> Data {
    do {
      return try model.serializedData()
    } catch {
      throw ONNXError(
        .unreadable, "network \"\(network.name)\" cannot be serialised as ONNX: \(error)")
    }
  }

  /// Writes a model file, beside its place first and then renamed.
  ///
  /// Weights of more than `limit` bytes are written to `<name>.data` beside it, before the model
  /// takes its place; they pass through memory in pieces.
  ///
  /// - Throws: ``ONNXError`` naming the file.
  public static func write(
    _ network: Network, to url: URL, lineage: [String: String] = [:],
    embeddingUpTo limit: Int = embeddingLimit
  ) throws {
    do {
      if initializerBytes(network) <= min(limit, embeddingLimit) {
        try encode(network, lineage: lineage).write(to: url, options: .atomic)
      } else {
        try writeWithData(network, to: url, lineage: lineage)
      }
    } catch let error as ONNXError {
      throw error
    } catch {
      throw ONNXError(
        .unreadable,
        "\(url.path): cannot be written: \(error.systemReason); check space and rights")
    }
  }

  private static func writeWithData(
    _ network: Network, to url: URL, lineage: [String: String]
  ) throws {
    let location = url.lastPathComponent + ".data"
    let folder = url.deletingLastPathComponent()
    let part = folder.appending(path: ".\(location).\(UUID().uuidString)")
    try Data().write(to: part)
    do {
      let handle = try FileHandle(forWritingTo: part)
      defer { try? handle.close() }
      let file = ExternalDataWriter(handle, location: location)
      var exporter = Exporter(network: network, weights: WeightPlacement(file: file))
      let model = try serialised(exporter.model(lineage: lineage), of: network)
      try handle.synchronize()
      let place = folder.appending(path: location)
      guard rename(part.path, place.path) == 0 else {
        throw CocoaError(.fileWriteUnknown)
      }
      try model.write(to: url, options: .atomic)
    } catch {
      try? FileManager.default.removeItem(at: part)
      throw error
    }
  }

  /// The bytes of a network's weights as they stand in the file, each counted once.
  public static func initializerBytes(_ network: Network) -> Int {
    let used = Set(network.nodes.flatMap { $0.inputs.compactMap { $0 } })
    return used.reduce(0) { $0 + (network.constant($1)?.count ?? 0) } * MemoryLayout<Float>.size
  }
}
