public import Checkpoints
public import Tensors

/// A head's settings, as stored in `head_config.json`.
public struct HeadSettings: Sendable {
  public let kind: HeadKind
  /// Outputs of the last layer.
  public let outputs: Int
  /// The labels in output order, all distinct; empty if they have no names.
  public let labels: [String]
  /// How the outputs are scored and trained.
  public let meaning: OutputMeaning
  /// The function that turns outputs into scores.
  public var function: ScoreFunction { meaning.score }
  /// For a multi-label head, the probability above which each label applies, in label order; nil: 0.5 for all.
  public private(set) var thresholds: [Float]?
  /// For multiple choice, the number of choices.
  public let choices: Int?
  let layers: Int
  let activation: Activation?
  let hasBias: Bool
  /// For a masked language model: whether a layer norm follows each activation.
  let hasNorms: Bool
  /// For a masked language model: the width of every layer except the first one's input.
  let embeddingSize: Int?
  /// Whether the head reads the first token through the base model's pooler.
  public let usesPooler: Bool
  /// Dropout in training; nil: that of the model's hidden states.
  public let dropout: Float?
  /// All members, as read or as `adapters` would write them.
  public let members: [String: JSONValue]

  /// Reads the `config` of a `head_config.json`.
  ///
  /// - Parameters:
  ///   - fields: the members.
  ///   - meaning: how outputs are scored and trained; nil: the default of the kind.
  /// - Throws: `ConfigurationError`, naming the key.
  public init(_ fields: ConfigurationFields, meaning: OutputMeaning? = nil) throws(ConfigurationError) {
    guard let type = try fields.string("head_type") else { throw .missing(key: "head_type", file: fields.file) }
    guard let kind = HeadKind(rawValue: type) else {
      throw .impossible(
        key: "head_type", value: "'\(type)'",
        expected: "one of " + HeadKind.allCases.map(\.rawValue).joined(separator: ", "), file: fields.file)
    }
    var members = fields.members
    layers = try fields.integer("layers", in: 1...1_000) ?? 1
    activation = try fields.activation("activation_function")
    hasBias = try fields.bool("bias") ?? true
    hasNorms = try fields.bool("layer_norm") ?? true
    let size = 1...1 << 24
    embeddingSize = try fields.integer("embedding_size", in: size)
    dropout = try fields.number("dropout_prob").map { Float($0) }
    if let dropout, !(0..<1).contains(dropout) {
      throw .impossible(
        key: "dropout_prob", value: "\(dropout)", expected: "a number from 0 to less than 1, or null",
        file: fields.file)
    }
    // Label names take memory even if there are no tensors for them.
    let labelCount = 1...Limits.labels
    choices = kind == .multipleChoice ? try fields.integer("num_choices", in: labelCount) ?? 2 : nil
    outputs =
      switch kind {
      case .multipleChoice: 1
      case .maskedLM: try fields.required("vocab_size", in: size)
      // The first two outputs are start and end; others are not read.
      case .questionAnswering: try fields.required("num_labels", in: 2...Limits.labels)
      default: try fields.required("num_labels", in: labelCount)
      }
    labels = try fields.labels(count: choices ?? outputs)
    self.meaning = meaning ?? OutputMeaning(score: .usual(kind, outputs: outputs))
    self.kind = kind.scored(by: self.meaning.score, outputs: outputs)
    if self.kind != kind { members["head_type"] = .string(self.kind.rawValue) }
    self.members = members
    usesPooler = try fields.bool("use_pooler") ?? false
    if usesPooler, kind.answersTokens {
      throw .impossible(
        key: "use_pooler", value: "true", expected: "false: a head of kind \(kind.rawValue) reads every token",
        file: fields.file)
    }
  }

  /// A head of the given kind with the defaults of `adapters`.
  ///
  /// - Parameters:
  ///   - kind: what it predicts; masked language models have a separate initializer.
  ///   - labels: names in output order; for multiple choice, of the choices.
  ///   - layers: the number of linear layers; `adapters` defaults to 2 for sequences and 1 for tokens.
  ///   - activation: the function between them; nil: none.
  ///   - usesPooler: whether a sequence head reads the first token through the base model's pooler.
  ///   - meaning: how outputs are scored and trained; nil: the default of the kind.
  public init(
    _ kind: HeadKind, labels: [String], layers: Int? = nil, activation: Activation? = .tanh, usesPooler: Bool = false,
    meaning: OutputMeaning? = nil
  ) {
    precondition(kind != .maskedLM, "the outputs of a masked language model are the vocabulary")
    precondition(!usesPooler || !kind.answersTokens, "a pooler reads the first token, and this head answers every one")
    let labels = LabelNames.distinct(labels)
    let outputs = kind == .multipleChoice ? 1 : labels.count
    let meaning = meaning ?? OutputMeaning(score: .usual(kind, outputs: outputs))
    let kind = kind.scored(by: meaning.score, outputs: outputs)
    self.kind = kind
    self.labels = labels
    self.layers = layers ?? (kind.answersTokens ? 1 : 2)
    self.activation = activation
    hasBias = true
    hasNorms = true
    embeddingSize = nil
    dropout = nil
    self.usesPooler = usesPooler
    choices = kind == .multipleChoice ? labels.count : nil
    self.outputs = outputs
    self.meaning = meaning
    var members: [String: JSONValue] = [
      "head_type": .string(kind.rawValue), "layers": .integer(self.layers),
      "activation_function": activation.map { .string($0.rawValue) } ?? .null, "dropout_prob": .null,
      "label2id": .object(Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1, .integer($0)) })),
    ]
    members[kind == .multipleChoice ? "num_choices" : "num_labels"] = .integer(labels.count)
    if !kind.answersTokens { members["use_pooler"] = .bool(usesPooler) }
    if kind == .classification || kind == .multilabelClassification { members["bias"] = .bool(true) }
    self.members = members
  }

  /// A masked language model head with the defaults of `adapters`.
  ///
  /// - Parameters:
  ///   - vocabulary: the number of words.
  ///   - embeddingSize: the width of the word embeddings.
  ///   - layers: the number of linear layers, including the decoder.
  ///   - activation: the function after every layer but the last.
  public init(maskedLMOf vocabulary: Int, embeddingSize: Int, layers: Int = 2, activation: Activation? = .gelu) {
    kind = .maskedLM
    usesPooler = false
    labels = []
    meaning = OutputMeaning(score: .softmax)
    choices = nil
    outputs = vocabulary
    self.layers = layers
    self.activation = activation
    hasBias = true
    hasNorms = true
    self.embeddingSize = embeddingSize
    dropout = nil
    members = [
      "head_type": .string(kind.rawValue), "vocab_size": .integer(vocabulary),
      "embedding_size": .integer(embeddingSize), "layers": .integer(layers),
      "activation_function": activation.map { .string($0.rawValue) } ?? .null, "layer_norm": .bool(true),
      "bias": .bool(true),
      "shift_labels": .bool(false), "label2id": .null,
    ]
  }

  /// The same head with names for its outputs or choices.
  ///
  /// - Throws: ``LabelNamesError``, if there are not as many names as outputs, or the outputs are not labels.
  public func naming(_ names: [String]) throws(LabelNamesError) -> HeadSettings {
    guard kind != .maskedLM, kind != .questionAnswering, kind != .multipleChoice else { throw .noLabels(kind: kind) }
    guard names.count == outputs else { throw .count(expected: outputs, found: names.count) }
    return HeadSettings(self, labels: LabelNames.distinct(names), meaning)
  }

  /// The same head with a threshold for each label.
  ///
  /// - Throws: ``ThresholdError``, if the head does not decide each label independently, the number of thresholds
  ///   differs from that of labels, or one is not between 0 and 1.
  public func deciding(at thresholds: [Float]?) throws(ThresholdError) -> HeadSettings {
    var settings = self
    settings.thresholds = thresholds
    guard let thresholds else { return settings }
    guard kind == .multilabelClassification else { throw .decidesOtherwise(kind: kind) }
    guard thresholds.count == outputs else { throw .count(expected: outputs, found: thresholds.count) }
    for (label, value) in zip(labelNames, thresholds) where !(0...1).contains(value) {
      throw .outOfRange(label: label, value: value)
    }
    return settings
  }

  /// The same masked language model head for another vocabulary size.
  func resized(vocabulary: Int) -> HeadSettings {
    HeadSettings(
      self, outputs: vocabulary, labels: labels, meaning,
      members: members.merging(["vocab_size": .integer(vocabulary)]) { $1 })
  }

  /// The same head, with its training function as its score function.
  public var answeringTargets: HeadSettings {
    meaning.score == meaning.target ? self : HeadSettings(self, labels: labels, OutputMeaning(score: meaning.target))
  }

  private init(_ other: HeadSettings, labels: [String], _ meaning: OutputMeaning) {
    var members = other.members
    if !labels.isEmpty {
      members["label2id"] = .object(Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1, .integer($0)) }))
    }
    self.init(other, outputs: other.outputs, labels: labels, meaning, members: members)
  }

  private init(
    _ other: HeadSettings, outputs: Int, labels: [String], _ meaning: OutputMeaning, members: [String: JSONValue]
  ) {
    kind = other.kind
    self.outputs = outputs
    self.labels = labels
    self.meaning = meaning
    thresholds = other.thresholds
    choices = other.choices
    layers = other.layers
    activation = other.activation
    hasBias = other.hasBias
    hasNorms = other.hasNorms
    embeddingSize = other.embeddingSize
    dropout = other.dropout
    usesPooler = other.usesPooler
    self.members = members
  }

  /// The names of the outputs; unnamed ones are numbered.
  public var labelNames: [String] { labels.isEmpty ? LabelNames.numbered(outputs) : labels }

  /// Whether the outputs have no meaningful names.
  public var hasNumberedLabels: Bool { LabelNames.areNumbered(labelNames) }

  enum ModulePlan {
    case linear(inputs: Int, outputs: Int, bias: Bool)
    case activation(Activation)
    case norm(Int)
    case decoder(inputs: Int, outputs: Int, bias: Bool)
  }

  /// The modules with their indices in `adapters`, which also counts dropout and activations.
  func modules(hiddenSize: Int) -> [(index: Int, plan: ModulePlan)] {
    var modules: [(index: Int, plan: ModulePlan)] = []
    var index = 0
    func add(_ plan: ModulePlan) {
      modules.append((index, plan))
      index += 1
    }
    let isLanguageModel = kind == .maskedLM
    let inner = isLanguageModel ? embeddingSize ?? hiddenSize : hiddenSize
    var width = hiddenSize
    for _ in 1..<layers {
      if !isLanguageModel { index += 1 }  // dropout
      add(.linear(inputs: width, outputs: inner, bias: true))
      if let activation { add(.activation(activation)) }
      if isLanguageModel, hasNorms { add(.norm(inner)) }
      width = inner
    }
    if isLanguageModel {
      add(.decoder(inputs: width, outputs: outputs, bias: hasBias))
    } else {
      index += 1
      add(.linear(inputs: width, outputs: outputs, bias: hasBias))
    }
    return modules
  }
}

extension ConfigurationFields {
  fileprivate func required(_ key: String, in range: ClosedRange<Int>) throws(ConfigurationError) -> Int {
    guard let value = try integer(key, in: range) else { throw .missing(key: key, file: file) }
    return value
  }

  /// The names in `label2id`, ordered by index.
  fileprivate func labels(count: Int) throws(ConfigurationError) -> [String] {
    guard let numbers = try object("label2id") else { return [] }
    var labels = LabelNames.numbered(count)
    var named: Set<Int> = []
    for (label, value) in numbers.members.sorted(by: { $0.key < $1.key }) {
      guard let number = value.wholeNumber, labels.indices.contains(number) else {
        throw .impossible(
          key: "label2id.\(label)", value: value.kind, expected: "a number from 0 to \(count - 1)", file: file)
      }
      guard named.insert(number).inserted else {
        throw .impossible(
          key: "label2id.\(label)", value: "\(number), as '\(labels[number])' is",
          expected: "a different number for each label", file: file)
      }
      labels[number] = label
    }
    return LabelNames.distinct(labels)
  }
}

/// Why outputs cannot be given some names.
public enum LabelNamesError: Error, Hashable, Sendable, CustomStringConvertible {
  case count(expected: Int, found: Int)
  case noLabels(kind: HeadKind)

  public var description: String {
    switch self {
    case .count(let expected, let found):
      "there \(found == 1 ? "is 1 label" : "are \(found) labels"), but the head has \(expected) "
        + "\(expected == 1 ? "output" : "outputs")."
    case .noLabels(let kind): "the outputs of a head of kind \(kind.rawValue) are no labels."
    }
  }
}

/// Why a head cannot use some thresholds.
public enum ThresholdError: Error, Hashable, Sendable, CustomStringConvertible {
  case decidesOtherwise(kind: HeadKind)
  case count(expected: Int, found: Int)
  case outOfRange(label: String, value: Float)

  public var description: String {
    switch self {
    case .decidesOtherwise(let kind):
      "thresholds are for heads that decide each label by itself; this one is of kind \(kind.rawValue)."
    case .count(let expected, let found): "expected a threshold for each of \(expected) labels, found \(found)."
    case .outOfRange(let label, let value):
      "the threshold of '\(label)' is \(value); expected a probability, from 0 to 1."
    }
  }
}
