internal import Checkpoints
internal import Deberta

/// PEFT's settings of LoRA, and the linear layers that they mean.
///
/// Source: peft 0.21, `tuners/tuners_utils.py`, `check_target_module_exists`; `utils/other.py`, `get_pattern_key`;
/// `tuners/lora/layer.py`, `update_layer`.
struct PeftConfiguration {
  /// As they are stored.
  let members: [String: JSONValue]
  let isDoRA: Bool
  private let rank: Int
  private let alpha: Double
  private let ranks: ModulePatterns<Int>
  private let alphas: ModulePatterns<Double>
  private let isRankStabilized: Bool
  private let dropout: Float
  /// Which modules are adapted; nil where that is said in a way that is not understood, and the tensors tell.
  private let isTarget: (@Sendable (String) -> Bool?)

  /// - Throws: `ConfigurationError`, also for every key with an effect that is not had here.
  init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    try PeftKeys.check(fields)
    members = fields.members
    rank = try fields.integer("r", in: 1...1 << 16) ?? 8
    alpha = try fields.number("lora_alpha") ?? 8
    isRankStabilized = try fields.bool("use_rslora") ?? false
    isDoRA = try fields.bool("use_dora") ?? false
    let dropout = try fields.number("lora_dropout") ?? 0
    guard (0..<1).contains(dropout) else {
      throw fields.impossible("lora_dropout", "\(dropout)", "a number from 0 to less than 1")
    }
    self.dropout = Float(dropout)
    ranks = try ModulePatterns("rank_pattern", fields) { value in
      value.wholeNumber.flatMap { (1...1 << 16).contains($0) ? $0 : nil }
    }
    alphas = try ModulePatterns("alpha_pattern", fields, \.double)
    isTarget = try Self.targets(fields)
  }

  /// What an adapter of PEFT does at a linear layer; nil where it does nothing.
  ///
  /// - Parameters:
  ///   - module: the module's whole name in the model that PEFT saw.
  ///   - hasFactors: whether there are tensors for it.
  func target(
    _ place: ProjectionPlace, layer: Int, module: String, hasFactors: Bool
  ) throws(ConfigurationError) -> LoRATarget? {
    guard isTarget(module) ?? hasFactors else { return nil }
    let rank = try ranks.value(for: module) ?? rank
    let alpha = try alphas.value(for: module) ?? alpha
    // What is divided by the root of the rank is here divided by the rank.
    return LoRATarget(
      place, layer: layer, rank: rank, alpha: Float(isRankStabilized ? alpha * Double(rank).squareRoot() : alpha),
      dropout: dropout)
  }

  /// `target_modules` without what `exclude_modules`, `modules_to_save` and `layers_to_transform` take away.
  private static func targets(
    _ fields: ConfigurationFields
  ) throws(ConfigurationError) -> @Sendable (String) -> Bool? {
    let named = try names("target_modules", fields) ?? .list(["query_proj", "value_proj"])
    let excluded = try names("exclude_modules", fields)
    let saved = try fields.strings("modules_to_save") ?? []
    let layers = try fields.value("layers_to_transform", "a layer or a list of layers") { value -> Set<Int>? in
      if let layer = value.wholeNumber { return [layer] }
      guard case .array(let elements) = value else { return nil }
      let layers = elements.compactMap(\.wholeNumber)
      return layers.count == elements.count ? Set(layers) : nil
    }
    let containers = try fields.value("layers_pattern", "a name or a list of names") { value -> [String]? in
      if case .string(let name) = value { return name.isEmpty ? [] : [name] }
      guard case .array(let elements) = value else { return nil }
      return elements.compactMap { if case .string(let name) = $0 { name } else { nil } }
    }
    return { module in
      if let excluded {
        guard let isExcluded = excluded.contains(module) else { return nil }
        if isExcluded { return false }
      }
      let parts = module.split(separator: ".").map(String.init)
      if saved.contains(where: parts.contains) { return false }
      guard let isNamed = named.contains(module) else { return nil }
      guard isNamed, case .list(let names) = named, !names.contains(module), let layers, !layers.isEmpty else {
        return isNamed
      }
      // The module's layer is the first number, after the name of the list of layers.
      guard let index = parts.dropFirst().firstIndex(where: { Int($0) != nil }), let layer = Int(parts[index]) else {
        return false
      }
      if let containers, !containers.isEmpty, !containers.contains(parts[index - 1]) { return false }
      return layers.contains(layer)
    }
  }

  private enum Names: Sendable {
    /// Whole names, or what they end with after a dot.
    case list([String])
    case pattern(NamePattern?)
    /// `all-linear`
    case all

    /// Nil where an expression is not understood.
    func contains(_ module: String) -> Bool? {
      switch self {
      case .list(let names): names.contains { module == $0 || module.hasSuffix("." + $0) }
      case .pattern(let pattern): pattern?.matches(module)
      case .all: true
      }
    }
  }

  private static func names(_ key: String, _ fields: ConfigurationFields) throws(ConfigurationError) -> Names? {
    try fields.value(key, "a list of names, or a regular expression") { value -> Names? in
      switch value {
      case .string(let text) where key == "target_modules" && text.lowercased() == "all-linear": return .all
      case .string(let text): return .pattern(NamePattern(text))
      case .array(let elements):
        let names = elements.compactMap { if case .string(let name) = $0 { name } else { nil } }
        return names.count == elements.count ? .list(names) : nil
      default: return nil
      }
    }
  }
}

/// `rank_pattern` and `alpha_pattern`: values for the modules whose names end as a regular expression says.
private struct ModulePatterns<Value: Equatable & Sendable>: Sendable {
  private let key: String
  private let file: String
  private let patterns: [(text: String, pattern: NamePattern, value: Value)]

  static var none: ModulePatterns { ModulePatterns(key: "", file: "", patterns: []) }

  private init(key: String, file: String, patterns: [(text: String, pattern: NamePattern, value: Value)]) {
    (self.key, self.file, self.patterns) = (key, file, patterns)
  }

  /// - Parameter read: a member's value; nil for one that cannot be.
  init(
    _ key: String, _ fields: ConfigurationFields, _ read: (JSONValue) -> Value?
  ) throws(ConfigurationError) {
    var patterns: [(text: String, pattern: NamePattern, value: Value)] = []
    for (text, member) in (try fields.object(key)?.members ?? [:]).sorted(by: { $0.key < $1.key }) {
      guard let value = read(member) else {
        throw fields.impossible("\(key).\(text)", member.kind, "a number above 0")
      }
      guard let pattern = NamePattern("(.*\\.)?(\(text))$") else {
        throw fields.impossible(key, "'\(text)'", "names of modules, or regular expressions without look-around")
      }
      patterns.append((text, pattern, value))
    }
    self.init(key: key, file: fields.file, patterns: patterns)
  }

  /// - Throws: `ConfigurationError`, if two expressions give a module different values: which one counts depends on
  ///   the order of the keys, which JSON does not promise to keep.
  func value(for module: String) throws(ConfigurationError) -> Value? {
    var found: (text: String, value: Value)?
    for (text, pattern, value) in patterns {
      guard let isMatch = pattern.matches(module) else {
        throw .impossible(key: key, value: "'\(text)'", expected: "a simpler regular expression", file: file)
      }
      guard isMatch else { continue }
      if let found, found.value != value {
        throw .impossible(
          key: key, value: "both '\(found.text)' and '\(text)' for '\(module)'",
          expected: "one value for each module", file: file)
      }
      found = (text, value)
    }
    return found?.value
  }
}

// MARK: - Writing

extension PeftConfiguration {
  /// The settings that describe some targets: names that every model has, whatever head it carries.
  ///
  /// - Parameters:
  ///   - targets: the linear layers that are adapted.
  ///   - isDoRA: whether it is PEFT's DoRA.
  ///   - layerCount: the model's; nil if the model is not known, and every target is named in full.
  init(_ targets: [LoRATarget], isDoRA: Bool = false, layerCount: Int? = nil) {
    /// The value that most targets have.
    func common<Value: Hashable>(_ value: (LoRATarget) -> Value) -> Value? {
      let counts = Dictionary(grouping: targets, by: value).mapValues(\.count)
      return counts.max { ($0.value, "\($1.key)") < ($1.value, "\($0.key)") }?.key
    }
    func number(_ value: Float) -> JSONValue {
      Int(exactly: value).map { .integer($0) } ?? .number(Double("\(value)") ?? Double(value))
    }
    let (rank, alpha) = (common(\.rank) ?? 8, common(\.alpha) ?? 8)
    func pattern(_ value: (LoRATarget) -> JSONValue?) -> JSONValue {
      let members = targets.compactMap { target in value(target).map { (Self.escaped(target.path), $0) } }
      return .object(Dictionary(members) { first, _ in first })
    }
    members = [
      "peft_type": .string("LORA"), "task_type": .null, "inference_mode": .bool(true), "bias": .string("none"),
      "base_model_name_or_path": .null, "r": .integer(rank), "lora_alpha": number(alpha),
      "lora_dropout": number(targets.first?.dropout ?? 0), "use_rslora": .bool(false), "use_dora": .bool(isDoRA),
      "init_lora_weights": .bool(true), "fan_in_fan_out": .bool(false), "modules_to_save": .null,
      "target_modules": .array(Self.names(of: targets, layerCount: layerCount).map { .string($0) }),
      "rank_pattern": pattern { $0.rank == rank ? nil : .integer($0.rank) },
      "alpha_pattern": pattern { $0.alpha == alpha ? nil : number($0.alpha) },
    ]
    self.isDoRA = isDoRA
    self.rank = rank
    self.alpha = Double(alpha)
    (ranks, alphas, isRankStabilized, dropout) = (.none, .none, false, targets.first?.dropout ?? 0)
    isTarget = { _ in nil }
  }

  /// Names that mean these modules and no others. A name without its layer means every layer of the model, so targets
  /// in some of the layers are named in full.
  private static func names(of targets: [LoRATarget], layerCount: Int?) -> [String] {
    let isEverywhere =
      Set(targets.map(\.layer)).count == layerCount
      && targets.count == Set(targets.map(\.layer)).count * Set(targets.map(\.place)).count
    let attention: Set<ProjectionPlace> = [.query, .key, .value]
    guard isEverywhere, Set(targets.map(\.place)).isSubset(of: attention) else { return targets.map(\.path) }
    return Set(targets.map(\.place)).map { $0.path.split(separator: ".").last.map(String.init) ?? $0.path }.sorted()
  }

  /// A name as a regular expression that matches it alone.
  private static func escaped(_ path: String) -> String { path.split(separator: ".").joined(separator: "\\.") }
}
