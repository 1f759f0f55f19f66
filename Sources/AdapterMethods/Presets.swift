public import Checkpoints
internal import Files

/// The presets of `adapters`, as differences from a method's defaults.
///
/// Source: adapters, `configuration/adapter_config.py`, `ADAPTER_CONFIG_MAP`.
private let presets: [String: [String: JSONValue]] = {
  let sequential: [String: JSONValue] = [
    "mh_adapter": .bool(false), "output_adapter": .bool(true), "original_ln_before": .bool(true),
    "reduction_factor": .integer(16), "non_linearity": .string("relu"),
  ]
  let double: [String: JSONValue] = [
    "mh_adapter": .bool(true), "output_adapter": .bool(true), "original_ln_before": .bool(false),
    "reduction_factor": .integer(16), "non_linearity": .string("swish"),
  ]
  let parallel: [String: JSONValue] = [
    "mh_adapter": .bool(false), "output_adapter": .bool(true), "original_ln_before": .bool(false),
    "reduction_factor": .integer(2), "non_linearity": .string("relu"), "init_weights": .string("mam_adapter"),
    "is_parallel": .bool(true), "scaling": .number(4),
  ]
  // The class `AdapterPlusConfig`, which has no preset name in `adapters`.
  let plus: [String: JSONValue] = [
    "original_ln_after": .bool(false), "residual_before_ln": .bool(false), "stochastic_depth": .number(0.1),
    "init_weights": .string("houlsby"), "scaling": .string("channel"), "reduction_factor": .integer(96),
    "non_linearity": .string("gelu"),
  ]
  let inverse: [String: JSONValue] = [
    "inv_adapter": .string("nice"), "inv_adapter_reduction_factor": .integer(2),
  ]
  let compacter: [String: JSONValue] = [
    "phm_layer": .bool(true), "reduction_factor": .integer(32), "non_linearity": .string("gelu"),
  ]
  let lora: [String: JSONValue] = ["architecture": .string("lora")]
  let ia3: [String: JSONValue] = [
    "intermediate_lora": .bool(true), "r": .integer(1), "alpha": .integer(1), "composition_mode": .string("scale"),
    "attn_matrices": .array([.string("k"), .string("v")]), "init_weights": .string("ia3"),
  ]
  let vera: [String: JSONValue] = [
    "vera_d": .number(0.1), "vera_b": .number(0), "init_weights": .string("vera"),
  ]
  let prefix: [String: JSONValue] = ["architecture": .string("prefix_tuning")]
  let gate: [String: JSONValue] = ["use_gating": .bool(true)]
  func reft(orthogonal: Bool, subtracts: Bool) -> [String: JSONValue] {
    [
      "architecture": .string("reft"), "orthogonality": .bool(orthogonal), "subtract_projection": .bool(subtracts),
    ]
  }
  func peft(_ type: String, _ settings: [String: JSONValue] = [:]) -> [String: JSONValue] {
    settings.with(["peft_type": .string(type)])
  }
  func union(_ members: [[String: JSONValue]]) -> [String: JSONValue] {
    ["architecture": .string("union"), "configs": .array(members.map { .object($0) })]
  }
  return [
    "seq_bn": sequential, "pfeiffer": sequential, "double_seq_bn": double, "houlsby": double, "par_bn": parallel,
    "parallel": parallel, "scaled_par_bn": parallel.with(["scaling": .string("learned")]),
    "scaled_parallel": parallel.with(["scaling": .string("learned")]), "seq_bn_inv": sequential.with(inverse),
    "pfeiffer+inv": sequential.with(inverse), "double_seq_bn_inv": double.with(inverse),
    "houlsby+inv": double.with(inverse), "compacter": double.with(compacter),
    "compacter++": sequential.with(compacter), "adapter_plus": sequential.with(plus), "lora": lora,
    "ia3": lora.with(ia3), "vera": lora.with(vera),
    "dora": lora.with(["use_dora": .bool(true)]), "dvora": lora.with(vera).with(["use_dora": .bool(true)]),
    "mtl_lora": ["architecture": .string("mtl_lora")],
    "prefix_tuning": prefix, "prefix_tuning_flat": prefix.with(["flat": .bool(true)]),
    "prompt_tuning": ["architecture": .string("prompt_tuning")], "loreft": reft(orthogonal: true, subtracts: true),
    "noreft": reft(orthogonal: false, subtracts: true),
    "direft": reft(orthogonal: false, subtracts: false),
    "peft_lora": peft("LORA"), "peft_dora": peft("LORA", ["use_dora": .bool(true)]), "peft_ia3": peft("IA3"),
    "peft_vera": peft("VERA"), "adalora": peft("ADALORA"), "loha": peft("LOHA"), "lokr": peft("LOKR"),
    "oft": peft("OFT"), "boft": peft("BOFT"), "hra": peft("HRA"), "fourierft": peft("FOURIERFT"),
    "ln_tuning": peft("LN_TUNING"), "trainable_tokens": peft("TRAINABLE_TOKENS"),
    "peft_prompt_tuning": peft("PROMPT_TUNING"),
    "mam": union([prefix.with(["bottleneck_size": .integer(800)]), parallel]),
    "unipelt": union([
      prefix.with(["prefix_length": .integer(10)]).with(gate), sequential.with(gate),
      lora.with(["alpha": .integer(2)]).with(gate),
    ]),
  ]
}()

extension [String: JSONValue] {
  fileprivate func with(_ changes: [String: JSONValue]) -> [String: JSONValue] { merging(changes) { $1 } }
}

extension MethodCatalog {
  /// The method of a configuration text: a preset's name, with changed fields in brackets; or a union of several.
  ///
  ///     seq_bn        seq_bn[reduction_factor=2, leave_out=[11]]        prefix_tuning|par_bn
  ///
  /// Values are Python literals. Changes of a union apply to every member.
  /// - Throws: `ConfigurationError`: an unknown preset, an unknown field, an invalid value.
  public func method(preset text: String) throws(ConfigurationError) -> any AdapterMethod {
    let source = "the configuration '\(text)'"
    var members: [JSONValue] = []
    for part in text.split(separator: "|", omittingEmptySubsequences: false) {
      members.append(.object(try configuration(String(part), source: source)))
    }
    let whole =
      members.count == 1 ? members[0] : .object(["architecture": .string("union"), "configs": .array(members)])
    return try method(ConfigurationFields(whole, file: source))
  }

  /// The method of a preset text, or of a JSON configuration file, which may nest it under `config`.
  ///
  /// - Throws: `ConfigurationError`.
  public func method(named text: String) throws(ConfigurationError) -> any AdapterMethod {
    guard text.contains("/") || text.hasSuffix(".json"), !text.contains("["), FileSystem.kind(of: text) == .file else {
      return try method(preset: text)
    }
    let fields = try ConfigurationFields(path: text)
    return try method(fields.object("config") ?? fields)
  }

  /// The settings of a preset with changes.
  private func configuration(_ text: String, source: String) throws(ConfigurationError) -> [String: JSONValue] {
    let trimmed = text.filter { $0 != "\n" }
    let name = String(trimmed.prefix { $0 != "[" }).filter { $0 != " " }
    guard let preset = presets[name] ?? self.configuration(ofArchitecture: name) else {
      throw .impossible(
        key: "name", value: "'\(name)'",
        expected: "one of " + Self.choice(of: Array(presets.keys), near: name),
        file: source)
    }
    var rest = trimmed.drop { $0 != "[" }
    while rest.last == " " { rest.removeLast() }
    guard !rest.isEmpty else { return preset }
    guard rest.last == "]" else {
      throw .impossible(key: name, value: String(rest), expected: "changes in brackets", file: source)
    }
    let changes = try PythonLiteral.arguments(String(rest.dropFirst().dropLast()), source: source)
    guard case .array(let members) = preset["configs"] else {
      return try changed(preset, by: changes, name: name, source: source)
    }
    var configurations: [JSONValue] = []
    for case .object(let member) in members {
      configurations.append(.object(try changed(member, by: changes, name: name, source: source)))
    }
    return preset.with(["configs": .array(configurations)])
  }

  private func changed(
    _ preset: [String: JSONValue], by changes: [String: JSONValue], name: String, source: String
  ) throws(ConfigurationError) -> [String: JSONValue] {
    let known = try method(ConfigurationFields(.object(preset), file: source)).keys
    for (key, value) in changes where !known.contains(key) {
      throw .impossible(
        key: key, value: value.kind,
        expected: "a field of '\(name)': " + Self.choice(of: known, near: key),
        file: source)
    }
    return preset.with(changes)
  }

  /// The available names, with similar ones in parentheses.
  private static func choice(of names: [String], near name: String) -> String {
    let nearest = NearestNames.of(name, in: names, limit: 2).map { "'\($0)'" }
    let hint = nearest.isEmpty ? "" : " (did you mean \(nearest.joined(separator: " or "))?)"
    return names.sorted().joined(separator: ", ") + hint
  }
}
