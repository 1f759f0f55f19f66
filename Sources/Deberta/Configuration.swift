public import Checkpoints
public import FoundationEssentials
public import Tensors

/// The shape and options of a DeBERTa encoder of any generation, as described by `config.json`.
///
/// Missing keys take the defaults of transformers' `DebertaV2Config` or `DebertaConfig` (`configuration_deberta_v2.py`,
/// `configuration_deberta.py`).
public struct DebertaConfiguration: Sendable, Hashable {
  public var family = ModelFamily.v2
  public var vocabularySize = 128_100
  public var hiddenSize = 1536
  public var layerCount = 24
  public var headCount = 24
  public var headSize = 64
  public var intermediateSize = 6144
  /// Width of the embeddings; they are projected if it differs from `hiddenSize`.
  public var embeddingSize = 1536
  public var activation = Activation.gelu
  public var layerNormEps: Float = 1e-7
  public var initializerRange: Float = 0.02
  public var hiddenDropout: Float = 0.1
  public var attentionDropout: Float = 0.1
  public var typeVocabularySize = 0
  public var maximumPositions = 512
  /// Whether absolute positions are added to the embeddings.
  public var addsAbsolutePositions = true
  public var padID: Int32 = 0
  /// Relative positions; nil if attention does not use them.
  public var relativePositions: RelativePositions?
  /// Kinds of position terms.
  ///
  /// Each one raises the divisor of the scores, even without relative positions.
  public var positionTerms: Set<PositionTerm> = []
  /// Entries of `pos_att_type` that add no term but raise the divisor: v1 counts every entry.
  public var inertTerms = 0
  /// Warnings about settings that have no effect.
  public private(set) var warnings: [String] = []
  /// Whether the table of relative positions is layer-normalized first.
  public var normalizesPositions = false
  /// Whether the layer's own query and key projections project the position tables.
  public var sharesPositionProjections = false
  public var convolution: Convolution?
  /// Whether scores are mixed over the heads before the softmax, and probabilities after it.
  public var hasTalkingHeads = false
  /// How the checkpoint holds the linear layers of the encoder's layers; nil: as floats.
  public var quantization: Quantization?

  /// A term of the disentangled attention scores.
  public enum PositionTerm: String, Sendable, Hashable {
    case contentToPosition = "c2p"
    case positionToContent = "p2c"
    /// Position-to-position scores: independent of the text, so a bias for every pair of positions.
    ///
    ///     P[span + i] · K[δ(i, j)]
    ///
    /// transformers does not implement this term, and Microsoft's code for it (v2 and v3) fails. It is applied as that
    /// code describes it if the configuration says `"repaired_p2p": true`.
    case positionToPosition = "p2p"
  }

  /// The convolution parallel to the first layer (v2-xlarge and v2-xxlarge).
  public struct Convolution: Sendable, Hashable {
    public var kernelSize: Int
    public var groups: Int
    public var activation: Activation
  }

  /// A family's default shape.
  public init(_ family: ModelFamily = .v2) {
    self.family = family
    guard family == .v1 else { return }
    (vocabularySize, hiddenSize, embeddingSize, intermediateSize) = (50_265, 768, 768, 3072)
    (layerCount, headCount) = (12, 12)
  }

  /// The divisor under the square root of the scores: 1 / sqrt(D · divisor).
  var scoreTerms: Int { 1 + positionTerms.count + inertTerms }

  /// The factor of the attention scores: 1 / sqrt(D · (1 + number of position terms)).
  public var scoreScale: Float { 1 / Float(headSize * scoreTerms).squareRoot() }

  /// The longest text, in tokens, whose middle token is reached unambiguously from everywhere: 1 + (2k - 1) n for k
  /// distance rows to each side and n layers.
  ///
  /// Longer texts work; nil without relative positions.
  public var advisedLength: Int? { relativePositions.map { 1 + (2 * $0.span - 1) * layerCount } }
}

extension DebertaConfiguration {
  /// Reads `config.json`.
  ///
  /// - Parameters:
  ///   - json: the bytes of the file.
  ///   - file: its path, for messages.
  /// - Throws: `ConfigurationError`, naming the key.
  public init(json: Data, file: String) throws(ConfigurationError) {
    let value: JSONValue
    do { value = try JSONValue(json, file: file) } catch { throw .unreadable(error) }
    try self.init(ConfigurationFields(value, file: file))
  }

  init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    self.init(try ModelFamily(fields) ?? .v2)
    try readSizes(fields)
    try readPositions(fields)
    quantization = try Quantization(fields)
    switch family {
    case .v1: try readFirstGeneration(fields)
    case .v2: try readSecondGeneration(fields)
    }
  }

  private mutating func readSizes(_ fields: ConfigurationFields) throws(ConfigurationError) {
    let size = 1...1 << 20
    vocabularySize = try fields.integer("vocab_size", in: 1...1 << 28) ?? vocabularySize
    hiddenSize = try fields.integer("hidden_size", in: size) ?? hiddenSize
    layerCount = try fields.integer("num_hidden_layers", in: 1...10_000) ?? layerCount
    headCount = try fields.integer("num_attention_heads", in: size) ?? headCount
    guard hiddenSize % headCount == 0 else {
      throw fields.impossible("num_attention_heads", "\(headCount)", "a divisor of hidden_size \(hiddenSize)")
    }
    headSize = hiddenSize / headCount
    intermediateSize = try fields.integer("intermediate_size", in: size) ?? intermediateSize
    embeddingSize = try fields.integer("embedding_size", in: size) ?? hiddenSize
    activation = try fields.activation("hidden_act") ?? activation
    layerNormEps = try fields.number("layer_norm_eps").map { Float($0) } ?? layerNormEps
    initializerRange = try fields.number("initializer_range").map { Float($0) } ?? initializerRange
    hiddenDropout = try fields.number("hidden_dropout_prob").map { Float($0) } ?? hiddenDropout
    attentionDropout = try fields.number("attention_probs_dropout_prob").map { Float($0) } ?? attentionDropout
    // Microsoft's files use -1 for a model without token types.
    typeVocabularySize = max(0, try fields.integer("type_vocab_size", in: -1...1 << 20) ?? typeVocabularySize)
    // Microsoft's key is padding_idx.
    let ids = 0...Int(Int32.max)
    let padding = try fields.integer("padding_idx", in: ids)
    padID = Int32(try fields.integer("pad_token_id", in: ids) ?? padding ?? 0)
  }

  private mutating func readPositions(_ fields: ConfigurationFields) throws(ConfigurationError) {
    maximumPositions = try fields.integer("max_position_embeddings", in: 1...1 << 28) ?? maximumPositions
    addsAbsolutePositions = try fields.bool("position_biased_input") ?? addsAbsolutePositions
    let terms = try fields.positionTerms("pos_att_type")
    positionTerms = Set(terms)
    try readPositionToPosition(fields)
    if family == .v1 { inertTerms = terms.count - positionTerms.count }
    if try fields.bool("relative_attention") ?? false {
      let maximum = try fields.integer("max_relative_positions", in: -1...1 << 28) ?? -1
      relativePositions = RelativePositions(buckets: nil, maximum: maximum < 1 ? maximumPositions : maximum)
    }
  }

  /// Reads p2p, which needs to be enabled: by default it only raises the scale in v1, and does nothing in v2 and v3.
  private mutating func readPositionToPosition(_ fields: ConfigurationFields) throws(ConfigurationError) {
    let isRepaired = try fields.bool("repaired_p2p") ?? false
    guard isRepaired else {
      guard positionTerms.remove(.positionToPosition) != nil, family == .v2 else { return }
      warnings.append(
        "\(fields.file): 'p2p' in pos_att_type has no effect, as in transformers. \"repaired_p2p\": true makes it act "
          + "as Microsoft's code describes it.")
      return
    }
    guard family == .v2, positionTerms.isSuperset(of: [.positionToPosition, .contentToPosition]) else {
      throw fields.impossible(
        "repaired_p2p", "true", "false, unless 'model_type' is \"deberta-v2\" and 'pos_att_type' names p2p and c2p")
    }
  }

  /// The longest text in tokens, if positions are limited: absolute ones, or those of position-to-position scores.
  public var longestText: Int? {
    let limits = [
      addsAbsolutePositions ? maximumPositions : nil,
      positionTerms.contains(.positionToPosition) ? relativePositions?.span : nil,
    ]
    return limits.compactMap { $0 }.min()
  }

  /// Reads the settings of v1 only. Settings of v2 that would change it are refused; transformers ignores them
  /// silently.
  private mutating func readFirstGeneration(_ fields: ConfigurationFields) throws(ConfigurationError) {
    hasTalkingHeads = try fields.bool("talking_head") ?? false
    let reason = "none: DeBERTa v1 ('model_type' \"deberta\") has no such setting. Is this a v2 or v3 model?"
    if try fields.bool("share_att_key") ?? false { throw fields.impossible("share_att_key", "true", reason) }
    let buckets = try fields.integer("position_buckets", in: -1...1 << 20) ?? -1
    if buckets > 0 { throw fields.impossible("position_buckets", "\(buckets)", reason) }
    let norms = try fields.choices("norm_rel_ebd")
    if !norms.isEmpty { throw fields.impossible("norm_rel_ebd", "'\(norms.joined(separator: "|"))'", reason) }
    let taps = try fields.integer("conv_kernel_size", in: 0...1 << 10) ?? 0
    if taps > 0 { throw fields.impossible("conv_kernel_size", "\(taps)", reason) }
    if let size = try fields.integer("attention_head_size", in: 1...1 << 20), size != headSize {
      throw fields.impossible(
        "attention_head_size", "\(size)", "\(headSize), which is hidden_size / num_attention_heads in DeBERTa v1")
    }
  }

  /// Reads the settings of v2 and v3 only.
  private mutating func readSecondGeneration(_ fields: ConfigurationFields) throws(ConfigurationError) {
    headSize = try fields.integer("attention_head_size", in: 1...1 << 20) ?? headSize
    normalizesPositions = try fields.choices("norm_rel_ebd").contains("layer_norm")
    sharesPositionProjections = try fields.bool("share_att_key") ?? false
    let buckets = try fields.integer("position_buckets", in: -1...1 << 20) ?? -1
    if buckets > 0, let positions = relativePositions {
      relativePositions = RelativePositions(buckets: buckets, maximum: positions.maximum)
    }
    if try fields.bool("talking_head") ?? false {
      throw fields.impossible("talking_head", "true", "false: only DeBERTa v1 mixes its attention heads")
    }
    convolution = try Convolution(fields, hiddenSize: hiddenSize)
  }
}

extension DebertaConfiguration.Convolution {
  fileprivate init?(_ fields: ConfigurationFields, hiddenSize: Int) throws(ConfigurationError) {
    kernelSize = try fields.integer("conv_kernel_size", in: 0...1 << 10) ?? 0
    groups = try fields.integer("conv_groups", in: 1...hiddenSize) ?? 1
    activation = try fields.activation("conv_act") ?? .tanh
    guard kernelSize > 0 else { return nil }
    guard kernelSize % 2 == 1 else { throw fields.impossible("conv_kernel_size", "\(kernelSize)", "an odd number") }
    guard hiddenSize % groups == 0 else {
      throw fields.impossible("conv_groups", "\(groups)", "a divisor of hidden_size \(hiddenSize)")
    }
  }
}

extension ConfigurationFields {
  /// Names separated by vertical bars, or a list of names.
  fileprivate func choices(_ key: String) throws(ConfigurationError) -> [String] {
    let names: [String]? = try value(key, "names joined by '|', or a list of names") { value in
      switch value {
      case .string(let names): names.split(separator: "|").map { $0.filter { $0 != " " } }
      case .array(let names): names.compactMap { if case .string(let name) = $0 { name } else { nil } }
      default: nil
      }
    }
    return (names ?? []).map { $0.lowercased() }.filter { !$0.isEmpty && $0 != "none" }
  }

  /// Reads the position terms entry by entry.
  fileprivate func positionTerms(
    _ key: String
  ) throws(ConfigurationError) -> [DebertaConfiguration.PositionTerm] {
    var terms: [DebertaConfiguration.PositionTerm] = []
    for name in try choices(key) {
      guard let term = DebertaConfiguration.PositionTerm(rawValue: name) else {
        throw impossible(key, "'\(name)'", "'c2p', 'p2c' or 'p2p'")
      }
      terms.append(term)
    }
    return terms
  }
}

/// The configuration's name in code for v2 and v3 only.
public typealias DebertaV2Configuration = DebertaConfiguration
