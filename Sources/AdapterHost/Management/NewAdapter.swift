public import AdapterRegistry
internal import Checkpoints
public import Heads
public import Tasks
internal import Tensors

/// A new adapter to create and register.
public struct NewAdapter: Sendable {
  /// A preset with changes, such as `seq_bn[reduction_factor=8]`.
  public var configuration: String
  /// Its prediction head, if any.
  public var head: NewHead?
  /// Makes the random values reproducible.
  public var seed: UInt64
  /// Tags for the registry.
  public var tags: [String]
  /// Notes for the registry.
  public var notes: String

  public init(
    configuration: String = "seq_bn", head: NewHead? = nil, seed: UInt64 = 0, tags: [String] = [], notes: String = ""
  ) {
    self.configuration = configuration
    self.head = head
    self.seed = seed
    self.tags = tags
    self.notes = notes
  }
}

/// A new prediction head.
public struct NewHead: Sendable {
  /// What it predicts.
  public let kind: HeadKind
  /// The names of its outputs; empty for a masked language model, whose outputs are its base model's words.
  public let labels: [String]
  /// The number of linear layers; nil: the default of `adapters`.
  public let layers: Int?

  /// A head with the defaults of `adapters`.
  ///
  /// - Parameters:
  ///   - kind: what it predicts.
  ///   - labels: the names of its outputs, or for multiple choice of the choices; empty for kinds with fixed outputs:
  ///     start and end in question answering, the base model's words in masked language models.
  ///   - layers: the number of linear layers; nil: the default of `adapters`.
  /// - Throws: `NewHeadError`.
  public init(_ kind: HeadKind, labels: [String] = [], layers: Int? = nil) throws(NewHeadError) {
    var labels = labels
    switch kind {
    case .maskedLM: if !labels.isEmpty { throw .vocabulary }
    case .questionAnswering:
      guard labels.isEmpty || labels.count == 2 else { throw .count(kind: kind, found: labels.count, expected: 2) }
      if labels.isEmpty { labels = Self.numbered(2) }
    case .classification, .multilabelClassification, .tagging, .multipleChoice:
      if labels.isEmpty { throw .noLabels(kind: kind) }
    }
    var seen: Set<String> = []
    for label in labels {
      if label.isEmpty || label.utf8.contains(0) { throw .unusable(label: label) }
      if !seen.insert(label).inserted { throw .twice(label: label) }
    }
    if let layers, !(1...1000).contains(layers) { throw .layers(found: layers) }
    self.kind = kind
    self.labels = labels
    self.layers = layers
  }

  /// A head for a task, with the defaults of `adapters`.
  ///
  /// - Parameters:
  ///   - task: what it is trained for; regression is classification with one output.
  ///   - labels: as in `init(_:labels:layers:)`; at most one for regression.
  ///   - layers: the number of linear layers; nil: the default of `adapters`.
  /// - Throws: `NewHeadError`.
  public init(for task: TrainingTask, labels: [String] = [], layers: Int? = nil) throws(NewHeadError) {
    let kind: HeadKind
    switch task {
    case .classification: kind = .classification
    case .regression:
      guard labels.count < 2 else { throw .regression(found: labels.count) }
      try self.init(.classification, labels: labels.isEmpty ? Self.numbered(1) : labels, layers: layers)
      return
    case .multilabelClassification: kind = .multilabelClassification
    case .tagging: kind = .tagging
    case .questionAnswering: kind = .questionAnswering
    case .multipleChoice: kind = .multipleChoice
    case .maskedLM: kind = .maskedLM
    }
    try self.init(kind, labels: labels, layers: layers)
  }

  /// The settings of a head with labels; those of a masked language model depend on its base model.
  var settings: HeadSettings { HeadSettings(kind, labels: labels, layers: layers) }

  /// Default label names as in `adapters`: `LABEL_0`, `LABEL_1`, …
  public static func numbered(_ count: Int) -> [String] { LabelNames.numbered(count) }
}

/// Why a head cannot be created.
public enum NewHeadError: Error, Hashable, Sendable, CustomStringConvertible {
  case vocabulary
  case noLabels(kind: HeadKind)
  case regression(found: Int)
  case count(kind: HeadKind, found: Int, expected: Int)
  case twice(label: String)
  case unusable(label: String)
  case layers(found: Int)

  public var description: String {
    switch self {
    case .vocabulary: "A head of kind masked_lm predicts the words of its base model; it gets no labels."
    case .noLabels(let kind): "A head of kind \(kind.rawValue) needs labels."
    case .regression(let found): "A head of kind regression has one output; found \(found) labels."
    case .count(let kind, let found, let expected):
      "A head of kind \(kind.rawValue) has \(expected) labels; found \(found)."
    case .twice(let label): "The label '\(label)' is given twice."
    case .unusable(let label): label.isEmpty ? "A label is empty." : "A label contains a NUL character."
    case .layers(let found): "A head has 1 to 1000 layers; found \(found)."
    }
  }
}

extension Registry {
  /// Creates an adapter for a base model, publishes it in the folder of adapters, and registers it.
  ///
  /// - Parameters:
  ///   - name: the adapter's name.
  ///   - adapter: its configuration and head.
  ///   - model: the base model.
  /// - Throws: `RegistryError` for an invalid or used name; `ConfigurationError` for the configuration; nothing is then
  ///   changed.
  @discardableResult
  public func addAdapter(_ name: String, _ adapter: NewAdapter, of model: ModelRecord) throws -> AdapterRecord {
    let name = try ItemName(name, for: .adapter).text
    if try adapters(of: model.name).contains(where: { $0.name == name }) {
      throw RegistryError.nameTaken(kind: .adapter, name: name, model: model.name)
    }
    var base = try DebertaV2AdapterModel(folder: model.path, compute: Compute(threads: 1))
    try base.addAdapter(name, configuration: adapter.configuration, seed: adapter.seed)
    if let head = adapter.head { try base.addHead(name, head, seed: adapter.seed) }
    return try NewFolder.temporarily { folder in
      try base.saveAdapter(name, to: folder)
      try BaseDigest.write(model.digest, to: folder)
      var description = try AdapterDescription.readForImport(folder, for: model).description
      description.tags = adapter.tags
      description.notes = adapter.notes
      description.source = "fresh \(adapter.configuration), seed \(adapter.seed)"
      return try importAdapter(folder: folder, as: name, of: model.name, describedBy: description)
    }
  }
}

extension DebertaV2AdapterModel {
  /// Adds a newly initialized head, or replaces the one with this name.
  mutating func addHead(_ name: String, _ head: NewHead, seed: UInt64) throws {
    if head.kind == .maskedLM {
      try addMaskedLMHead(name, layers: head.layers ?? 2, overwrite: true, seed: seed)
    } else {
      try addHead(name, head.settings, overwrite: true, seed: seed)
    }
  }
}
