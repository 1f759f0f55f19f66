/// The two generations of DeBERTa's code, by the names that `model_type` has for them.
public enum ModelFamily: String, Sendable, Hashable, CaseIterable {
  /// One fused projection of queries, keys and values; a row of the position table for every distance.
  case v1 = "deberta"
  /// DeBERTa v2 and v3: three projections, mostly shared with the positions, and logarithmic buckets of distances.
  case v2 = "deberta-v2"

  /// The name of the reference's class of a model with adapters.
  public var adapterModelClass: String { classPrefix + "AdapterModel" }

  /// What the names of transformers' classes start with.
  public var classPrefix: String {
    switch self {
    case .v1: "Deberta"
    case .v2: "DebertaV2"
    }
  }

  /// What `model_type` names; nil if it is missing.
  ///
  /// - Throws: `ConfigurationError` for the type of another architecture.
  public init?(_ fields: ConfigurationFields) throws(ConfigurationError) {
    guard let type = try fields.string("model_type") else { return nil }
    guard let family = ModelFamily(rawValue: type) else {
      throw fields.impossible(
        "model_type", "'\(type)'", "'deberta-v2', the type of DeBERTa v2 and v3, or 'deberta', that of v1")
    }
    self = family
  }

  /// The family whose tensors a checkpoint has, for Microsoft's configurations, which name none.
  public init(ofTensors names: some Sequence<String>) {
    self = names.contains { $0.hasSuffix(".attention.self.in_proj.weight") } ? .v1 : .v2
  }
}
