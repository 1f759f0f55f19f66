public import Files
import Foundation

/// What the caller knows about a base model that it registers.
public struct ModelDescription: Hashable, Sendable {
  /// Its `config.json`, as it is: a JSON object.
  public var configuration: String
  /// How many parameters it has.
  public var parameterCount: Int
  /// Free text.
  public var notes: String

  public init(configuration: String, parameterCount: Int, notes: String = "") {
    self.configuration = configuration
    self.parameterCount = parameterCount
    self.notes = notes
  }
}

/// What the caller knows about an adapter that it imports.
///
/// The registry stores these values and never reads an adapter's files for
/// anything but their digests.
public struct AdapterDescription: Hashable, Sendable {
  /// Its method: `lora`, `seq_bn`, …
  public var method: String
  /// Its `adapter_config.json`, as it is: a JSON object.
  public var configuration: String
  /// How many parameters it has, those of its head not counted.
  public var parameterCount: Int
  /// Its prediction head, if it has one.
  public var head: HeadDescription?
  /// The digest of the base model that it was made for, where it is known.
  public var baseDigest: ContentDigest?
  /// Measured results, a JSON object.
  public var metrics: String?
  /// The number of tokens that it was trained to read; 0 is the model's limit, nil is not known.
  public var maxLength: Int?
  /// The recipe of the run that trained it, a JSON object.
  public var recipe: String?
  /// Tags; they follow the rule of ``ItemName``.
  public var tags: [String]
  /// Free text.
  public var notes: String
  /// Where it comes from; by default the imported folder's path.
  public var source: String?
  /// Where it was fetched from, if it was.
  public var origin: AdapterOrigin?

  public init(
    method: String, configuration: String, parameterCount: Int, head: HeadDescription? = nil,
    baseDigest: ContentDigest? = nil, metrics: String? = nil, maxLength: Int? = nil, recipe: String? = nil,
    tags: [String] = [], notes: String = "", source: String? = nil, origin: AdapterOrigin? = nil
  ) {
    self.method = method
    self.configuration = configuration
    self.parameterCount = parameterCount
    self.head = head
    self.baseDigest = baseDigest
    self.metrics = metrics
    self.maxLength = maxLength
    self.recipe = recipe
    self.tags = tags
    self.notes = notes
    self.source = source
    self.origin = origin
  }

  /// What is registered about an adapter: of a copy of it the same can be said.
  public init(_ record: AdapterRecord) {
    self.init(
      method: record.method, configuration: record.configuration, parameterCount: record.parameterCount,
      head: record.head, baseDigest: record.baseDigest, metrics: record.metrics, maxLength: record.maxLength,
      recipe: record.recipe, tags: record.tags, notes: record.notes, source: record.source, origin: record.origin)
  }

  /// Refuses what the tables would refuse, with a sentence.
  func check() throws(RegistryError) {
    try StoredText.check(method, what: "the method", mayBeEmpty: false)
    try StoredText.checkObject(configuration, what: "the adapter's configuration")
    try StoredText.checkCount(parameterCount)
    if let metrics { try StoredText.checkObject(metrics, what: "the adapter's metrics") }
    if let recipe { try StoredText.checkObject(recipe, what: "the adapter's recipe") }
    if let maxLength, maxLength < 0 {
      throw .badValue(what: "the adapter's number of tokens", reason: "it is \(maxLength)")
    }
    try StoredText.check(notes, what: "the notes", upTo: StoredText.notesLimit)
    for tag in tags { _ = try ItemName(tag, for: .tag) }
    try head?.check()
    try origin?.check()
  }
}

extension AdapterOrigin {
  func check() throws(RegistryError) {
    try StoredText.check(address, what: "the adapter's address", mayBeEmpty: false, upTo: StoredText.pathLimit)
    guard Self.isRevision(revision) else {
      throw .badValue(what: "the adapter's revision", reason: "it is '\(revision.prefix(80))'")
    }
  }

  static func isRevision(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count)
      && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }
}

/// What the caller knows about a fusion that it imports.
public struct FusionDescription: Hashable, Sendable {
  /// The fused adapters, in order; they are registered.
  public var adapters: [String]
  /// Its `adapter_fusion_config.json`, as it is: a JSON object.
  public var configuration: String
  /// How many parameters it has.
  public var parameterCount: Int
  /// Its prediction head, if it has one.
  public var head: HeadDescription?
  /// Free text.
  public var notes: String
  /// Where it comes from; by default the imported folder's path.
  public var source: String?

  public init(
    adapters: [String], configuration: String, parameterCount: Int, head: HeadDescription? = nil,
    notes: String = "", source: String? = nil
  ) {
    self.adapters = adapters
    self.configuration = configuration
    self.parameterCount = parameterCount
    self.head = head
    self.notes = notes
    self.source = source
  }

  func check() throws(RegistryError) {
    try StoredText.checkObject(configuration, what: "the fusion's configuration")
    try StoredText.checkCount(parameterCount)
    try StoredText.check(notes, what: "the notes", upTo: StoredText.notesLimit)
    try head?.check()
    guard adapters.count >= 2 else {
      throw .badValue(what: "the fusion", reason: "it joins \(adapters.count) adapters; 2 or more are expected")
    }
    guard Set(adapters).count == adapters.count else {
      throw .badValue(what: "the fusion", reason: "it names an adapter twice")
    }
  }
}

extension ModelDescription {
  func check() throws(RegistryError) {
    try StoredText.checkObject(configuration, what: "the base model's configuration")
    try StoredText.checkCount(parameterCount)
    try StoredText.check(notes, what: "the notes", upTo: StoredText.notesLimit)
  }
}

extension HeadDescription {
  func check() throws(RegistryError) {
    try StoredText.check(kind, what: "the head's kind", mayBeEmpty: false)
    for label in labels { try StoredText.check(label, what: "a label of the head") }
  }
}
