internal import AdapterMethods
internal import Checkpoints
internal import Deberta
internal import Heads
internal import Tensors

/// The adapters, fusions and heads that `save_pretrained` of an adapter model stores in a checkpoint: described in
/// `config.json`, with their tensors among the model's.
///
/// Source: adapters, `configuration/model_adapters_config.py`, `ModelAdaptersConfig`; `heads/model_mixin.py`.
struct WholeModel {
  /// The members of `config.json`.
  static let keys = ["adapters", "prediction_heads", detailsKey]
  /// Details that head settings of `adapters` cannot express; it keeps the member without reading it.
  static let detailsKey = "prediction_head_details"

  private let adapters: [(name: String, configuration: Description)]
  private let fusions: [(name: String, adapters: [String], configuration: Description)]
  private let heads: [(name: String, configuration: ConfigurationFields)]
  private let details: ConfigurationFields?

  fileprivate enum Description {
    case named(String)
    case members(ConfigurationFields)
  }

  /// - Parameter fields: `config.json`.
  /// - Returns: nil for a checkpoint without any of these.
  /// - Throws: `ConfigurationError`.
  init?(_ fields: ConfigurationFields) throws(ConfigurationError) {
    let own = try fields.object("adapters")
    let heads = try fields.object("prediction_heads")
    guard own != nil || heads != nil else { return nil }
    adapters = try own?.described("adapters", by: "config_map") ?? []
    let names = try own?.object("fusion_name_map")
    var fusions: [(name: String, adapters: [String], configuration: Description)] = []
    for (name, configuration) in try own?.described("fusions", by: "fusion_config_map") ?? [] {
      let members = try names?.strings(name) ?? name.split(separator: ",").map(String.init)
      fusions.append((name, members, configuration))
    }
    self.fusions = fusions
    var described: [(name: String, configuration: ConfigurationFields)] = []
    for name in heads?.members.keys.sorted() ?? [] {
      if let configuration = try heads?.object(name) { described.append((name, configuration)) }
    }
    self.heads = described
    details = try fields.object(Self.detailsKey)
  }

  /// Whether a tensor, by name below `deberta.`, belongs to an adapter, fusion or head added by `adapters`.
  static func isAdded(_ name: String) -> Bool {
    let parts = name.split(separator: ".")
    return parts.contains { part in
      [
        "adapters", "loras", "refts", "prefix_tunings", "prefix_gates", "prompt_tunings", "adapter_fusion_layer",
        "invertible_adapters", "shared_parameters", "base_model_embeddings", "heads",
      ].contains(part)
    }
  }

  /// The names of its parts, for display.
  var facts: [Inspection.Fact] {
    [("adapters", adapters.map(\.name)), ("fusions", fusions.map(\.name)), ("heads", heads.map(\.name))]
      .filter { !$0.1.isEmpty }.map { Inspection.Fact(name: $0, value: $1.joined(separator: "; ")) }
  }

  /// Reads the adapters.
  ///
  /// - Parameter catalog: the available methods.
  func readAdapters(
    _ ledger: WeightLedger, _ shape: DebertaV2Configuration, _ catalog: MethodCatalog
  ) throws -> [(name: String, adapter: Adapter)] {
    try adapters.map { name, configuration in
      let method =
        switch configuration {
        case .named(let preset): try catalog.method(preset: preset)
        case .members(let fields): try catalog.method(fields)
        }
      return (name, try SavedAdapter.adapter(named: name, method, in: ledger, for: shape))
    }
  }

  /// Reads the fusions.
  func readFusions(
    _ ledger: WeightLedger, _ shape: DebertaV2Configuration
  ) throws -> [(name: String, fusion: AdapterFusion)] {
    try fusions.map { name, members, configuration in
      let settings: FusionSettings =
        switch configuration {
        case .named(let preset): try FusionSettings(preset: preset)
        case .members(let fields): try FusionSettings(fields)
        }
      return (name, try SavedFusion.fusion(named: name, of: members, settings, in: ledger, for: shape))
    }
  }

  /// Reads the heads.
  func readHeads(
    _ ledger: WeightLedger, _ shape: DebertaV2Configuration, tiedTo words: WeightMatrix?, _ compute: Compute
  ) throws -> [(name: String, head: PredictionHead)] {
    try heads.map { name, configuration in
      let reader = WeightReader(ledger, compute, scope: "heads.\(name)")
      let own = try details?.object(name)
      var head = try PredictionHead(
        SavedHead.settings(configuration, details: own), reader, hiddenSize: shape.hiddenSize,
        layerNormEps: shape.layerNormEps, tiedTo: words)
      head.maximumLength = try own?.maximumLength
      return (name, head)
    }
  }

  /// The details of heads stored under `detailsKey`; nil if there are none.
  static func details(of heads: [String: PredictionHead]) -> JSONValue? {
    let details = heads.mapValues { SavedHead.details(of: $0) }.filter { !$0.value.isEmpty }
    return details.isEmpty ? nil : .object(details.mapValues { .object($0) })
  }
}

extension ConfigurationFields {
  /// The keys of a map, sorted, each with the configuration stored under its value in another map, or else that value,
  /// which names a preset.
  fileprivate func described(
    _ key: String, by map: String
  ) throws(ConfigurationError) -> [(name: String, configuration: WholeModel.Description)] {
    let configurations = try object(map)
    guard let names = try object(key) else { return [] }
    var described: [(name: String, configuration: WholeModel.Description)] = []
    for name in names.members.keys.sorted() {
      guard let hash = try names.string(name) else { continue }
      switch configurations?.members[hash] {
      case .string(let preset): described.append((name, .named(preset)))
      case nil: described.append((name, .named(hash)))
      default:
        if let fields = try configurations?.object(hash) { described.append((name, .members(fields))) }
      }
    }
    return described
  }
}
