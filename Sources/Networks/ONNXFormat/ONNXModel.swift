import Foundation
import NetworkGraph
import ONNXSchema
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
        .unreadable, "\(url.path): cannot be read: \(error.localizedDescription); check the path")
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

  /// The bytes of a model file.
  ///
  /// Names, opset, documentation and metadata of the network are kept; weights are raw data.
  ///
  /// - Parameter lineage: Added to `metadata_props`; replaces entries with the same keys.
  /// - Throws: ``ONNXError`` with `unsupported` where the opset has no such operator.
  public static func encode(_ network: Network, lineage: [String: String] = [:]) throws -> Data {
    var exporter = Exporter(network: network)
    let model = try exporter.model(lineage: lineage)
    do {
      return try model.serializedData()
    } catch {
      throw ONNXError(
        .unreadable, "network \"\(network.name)\" cannot be serialised as ONNX: \(error)")
    }
  }

  /// Writes a model file, beside its place first and then renamed.
  ///
  /// - Throws: ``ONNXError`` naming the file.
  public static func write(
    _ network: Network, to url: URL, lineage: [String: String] = [:]
  ) throws {
    let data = try encode(network, lineage: lineage)
    do {
      try data.write(to: url, options: .atomic)
    } catch {
      throw ONNXError(
        .unreadable,
        "\(url.path): cannot be written: \(error.localizedDescription); check space and rights")
    }
  }

  /// The bytes of a network's weights as they stand in the file, each counted once.
  public static func initializerBytes(_ network: Network) -> Int {
    let used = Set(network.nodes.flatMap { $0.inputs.compactMap { $0 } })
    return used.reduce(0) { $0 + (network.constant($1)?.count ?? 0) } * MemoryLayout<Float>.size
  }
}
