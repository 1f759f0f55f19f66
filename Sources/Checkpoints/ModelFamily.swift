/// The two generations of DeBERTa, named as in `model_type`.
public enum ModelFamily: String, Sendable, Hashable, CaseIterable {
  /// One fused projection of queries, keys and values; one position table row per distance.
  case v1 = "deberta"
  /// DeBERTa v2 and v3: separate projections, usually shared with the positions, and logarithmic distance buckets.
  case v2 = "deberta-v2"

  /// The name of the adapter model class in `adapters`.
  public var adapterModelClass: String { classPrefix + "AdapterModel" }

  /// The prefix of transformers' class names.
  public var classPrefix: String {
    switch self {
    case .v1: "Deberta"
    case .v2: "DebertaV2"
    }
  }

  /// The family in `model_type`; nil if it is missing.
  ///
  /// - Throws: `ConfigurationError` for another architecture.
  public init?(_ fields: ConfigurationFields) throws(ConfigurationError) {
    guard let type = try fields.string("model_type") else { return nil }
    guard let family = ModelFamily(rawValue: type) else {
      throw fields.impossible(
        "model_type", "'\(type)'", "'deberta-v2', the type of DeBERTa v2 and v3, or 'deberta', that of v1")
    }
    self = family
  }

  /// The family of a checkpoint's tensors, for Microsoft's configurations, which have no `model_type`.
  public init(ofTensors names: some Sequence<String>) {
    self = names.contains { $0.hasSuffix(".attention.self.in_proj.weight") } ? .v1 : .v2
  }
}
