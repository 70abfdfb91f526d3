import Datasets
import Devices
import Digests
import Foundation

/// A model file, by content.
public struct ModelReference: Sendable, Hashable, Codable {
  /// The file's name, for people.
  public var name: String
  /// SHA-256 of the file: an artifact.
  public var digest: Digest

  public init(name: String, digest: Digest) {
    self.name = name
    self.digest = digest
  }
}

/// A data set cut into shards that workers fetch by content.
public struct DatasetReference: Sendable, Hashable, Codable {
  /// The description's file name, for people.
  public var name: String
  /// Of all samples and labels.
  public var digest: Digest
  /// Samples.
  public var count: Int
  /// In the network's order.
  public var inputs: [DataInput]
  /// Images in every shard but the last.
  public var shardSize: Int
  /// Artifacts: encoded `DataShard`s, in order.
  public var shards: [Digest]

  public init(
    name: String, digest: Digest, count: Int, inputs: [DataInput], shardSize: Int, shards: [Digest]
  ) {
    self.name = name
    self.digest = digest
    self.count = count
    self.inputs = inputs
    self.shardSize = shardSize
    self.shards = shards
  }

  /// Images in shard `index`.
  public func images(inShard index: Int) -> Int { min(shardSize, count - index * shardSize) }
}

/// What a user asks for: one model, one catalogue of devices, one recipe.
public struct SweepDefinition: Sendable, Hashable, Codable {
  public var name: String
  public var model: ModelReference
  public var calibration: DatasetReference
  /// Nil where accuracies are not asked for.
  public var evaluation: DatasetReference?
  /// Evaluation images that are calibration images too.
  public var sharedImages: Int?
  public var devices: [DeviceProfile]
  public var recipe: Recipe

  public init(
    name: String, model: ModelReference, calibration: DatasetReference,
    evaluation: DatasetReference?, devices: [DeviceProfile], recipe: Recipe
  ) {
    self.name = name
    self.model = model
    self.calibration = calibration
    self.evaluation = evaluation
    self.devices = devices
    self.recipe = recipe
  }

  /// The digest of everything but the name: the same key asks for the same work.
  public var key: Digest {
    get throws {
      var anonymous = self
      anonymous.name = ""
      anonymous.model.name = ""
      return Digest(of: try CanonicalJSON.encode(anonymous))
    }
  }
}

extension SweepDefinition {
  /// In what another definition differs from this one, in words; nothing but names may differ where
  /// this is empty.
  public func differences(from other: SweepDefinition) -> [String] {
    func images(_ kind: String, _ own: DatasetReference?, _ other: DatasetReference?) -> String? {
      guard own?.digest != other?.digest || own?.count != other?.count else { return nil }
      func spoken(_ data: DatasetReference?) -> String {
        data.map { "\($0.count) of \($0.name), digest \($0.digest.short)" } ?? "none"
      }
      return "the \(kind) images (\(spoken(other)); now \(spoken(own)))"
    }
    var list = [
      images("calibration", calibration, other.calibration),
      images("evaluation", evaluation, other.evaluation),
    ].compactMap(\.self)
    if model.digest != other.model.digest {
      list.insert(
        "the model (digest \(other.model.digest.short); now \(model.digest.short))", at: 0)
    }
    if devices != other.devices { list.append("the devices") }
    if recipe != other.recipe { list.append("the recipe's options") }
    if list.isEmpty, (try? key) != (try? other.key) { list.append("the data's inputs or shards") }
    return list
  }
}

/// JSON in one spelling: sorted keys, so that equal values have equal digests.
public enum CanonicalJSON {
  public static func encode(_ value: some Encodable) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(value)
  }

  public static func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
    try JSONDecoder().decode(type, from: data)
  }
}
