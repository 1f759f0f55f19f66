public import Files

public import struct Foundation.Date

/// A registered base model.
public struct ModelRecord: Hashable, Sendable, Codable {
  /// Its name, unique in the registry.
  public let name: String
  /// The absolute path of its folder.
  public let path: String
  /// The digest of its files.
  public let digest: ContentDigest
  /// Its `config.json`, as it is.
  public let configuration: String
  /// How many parameters it has.
  public let parameterCount: Int
  /// The size of its files in bytes.
  public let byteCount: Int
  /// Whether it counts where no base model is named.
  public let isDefault: Bool
  /// Free text.
  public let notes: String
  /// When it was registered.
  public let created: Date
  /// When its row changed last.
  public let changed: Date
}

/// What a prediction head answers.
public struct HeadDescription: Hashable, Sendable, Codable {
  /// The kind as the reference calls it: `classification`, `tagging`, …
  public var kind: String
  /// The labels in the order of the logits; empty where the head has none.
  public var labels: [String]

  public init(kind: String, labels: [String] = []) {
    self.kind = kind
    self.labels = labels
  }
}

/// Where an adapter was fetched from.
public struct AdapterOrigin: Hashable, Sendable, Codable {
  /// As it was named: `hf:ORG/NAME@REV`, or the address of an archive.
  public let address: String
  /// The commit, or the SHA-256 of the archive: hexadecimal digits.
  public let revision: String

  public init(address: String, revision: String) { (self.address, self.revision) = (address, revision) }

  /// The first digits of the revision, enough for a name or a table.
  public var shortRevision: String { String(revision.prefix(7)) }
}

/// A registered adapter.
public struct AdapterRecord: Hashable, Sendable, Codable {
  /// The base model that it belongs to.
  public let model: String
  /// Its name, unique among the adapters of its base model.
  public let name: String
  /// The absolute path of its folder.
  public let path: String
  /// Its method: `lora`, `seq_bn`, …
  public let method: String
  /// Its `adapter_config.json`, as it is.
  public let configuration: String
  /// How many parameters it has, those of its head not counted.
  public let parameterCount: Int
  /// The size of its files in bytes.
  public let byteCount: Int
  /// The digest of its files.
  public let digest: ContentDigest
  /// The digest of the base model that it was made for, where it is known.
  public let baseDigest: ContentDigest?
  /// Its prediction head, if it has one.
  public let head: HeadDescription?
  /// Measured results, a JSON object.
  public let metrics: String?
  /// The number of tokens that it was trained to read; 0 is the model's limit, nil is not known.
  public let maxLength: Int?
  /// The recipe of the run that trained it, a JSON object.
  public let recipe: String?
  /// Tags, sorted.
  public let tags: [String]
  /// Free text.
  public let notes: String
  /// Where it came from: a path, a repository, …
  public let source: String
  /// Where it was fetched from, if it was.
  public let origin: AdapterOrigin?
  /// Whether the active setup of its base model uses it.
  public let isActive: Bool
  /// When it was registered.
  public let created: Date
  /// When its row changed last.
  public let changed: Date
}

/// A registered fusion layer over adapters.
public struct FusionRecord: Hashable, Sendable, Codable {
  /// The base model that it belongs to.
  public let model: String
  /// Its name, unique among the fusions of its base model.
  public let name: String
  /// The fused adapters, in order.
  public let adapters: [String]
  /// The absolute path of its folder.
  public let path: String
  /// Its `adapter_fusion_config.json`, as it is.
  public let configuration: String
  /// How many parameters it has.
  public let parameterCount: Int
  /// The size of its files in bytes.
  public let byteCount: Int
  /// The digest of its files.
  public let digest: ContentDigest
  /// Its prediction head, if it has one.
  public let head: HeadDescription?
  /// Free text.
  public let notes: String
  /// Where it came from.
  public let source: String
  /// When it was registered.
  public let created: Date
  /// When its row changed last.
  public let changed: Date
}

/// A composition that was given a name.
public struct SetupRecord: Hashable, Sendable, Codable {
  /// The base model that it belongs to.
  public let model: String
  /// Its name, unique among the setups of its base model.
  public let name: String
  /// The composition, such as `Parallel(a, b)`.
  public let expression: String
  /// The adapters that the composition names, sorted.
  public let adapters: [String]
  /// When it was saved first.
  public let created: Date
  /// When it changed last.
  public let changed: Date
}

/// The composition that counts for a base model where none is given.
public struct ActiveSetup: Hashable, Sendable, Codable {
  /// The base model that it belongs to.
  public let model: String
  /// The composition, such as `Parallel(a, b)`.
  public let expression: String
  /// The adapters that the composition names, sorted.
  public let adapters: [String]
  /// When it was activated.
  public let changed: Date
}

/// One change of the registry.
public struct LogEntry: Hashable, Sendable, Codable {
  /// Counts the changes, from 1.
  public let number: Int
  /// When it happened.
  public let date: Date
  /// What was done.
  public let action: LogAction
  /// The base model that it concerned.
  public let model: String?
  /// The name of what was changed.
  public let subject: String
  /// More about it: a new name, a composition, a digest.
  public let detail: String
}

/// What can be done to a registry.
public enum LogAction: String, Hashable, Sendable, Codable, CaseIterable {
  case registerModel, renewModel, renameModel, removeModel, setDefault, annotate
  case importAdapter, renewAdapter, renameAdapter, removeAdapter, tagAdapter
  case importFusion, renewFusion, renameFusion, removeFusion
  case saveSetup, removeSetup, activate, deactivate
  case adopt, restore, quarantine, discard
}
