internal import Checkpoints
internal import Deberta

/// Matches modules of a model against PEFT settings.
///
/// Source: peft 0.21, `tuners/tuners_utils.py`, `check_target_module_exists`; `utils/other.py`, `_set_trainable`.
struct PeftScope: Sendable {
  private let targets: PeftNames
  private let excluded: PeftNames?
  /// `modules_to_save`: modules that are replaced as a whole.
  let saved: [String]
  private let layers: Set<Int>?
  private let containers: [String]

  static let fields: [MethodField] = [
    MethodField("target_modules", .null), MethodField("exclude_modules", .null), MethodField("modules_to_save", .null),
    MethodField("layers_to_transform", .null), MethodField("layers_pattern", .null),
  ]

  /// - Parameter standard: the targets if `target_modules` is missing.
  init(_ fields: ConfigurationFields, standard: [String]) throws(ConfigurationError) {
    targets = try PeftNames("target_modules", fields) ?? .list(standard)
    excluded = try PeftNames("exclude_modules", fields)
    saved = try fields.strings("modules_to_save") ?? []
    layers = try fields.value("layers_to_transform", "a layer or a list of layers") { value -> Set<Int>? in
      if let layer = value.wholeNumber { return [layer] }
      guard case .array(let elements) = value else { return nil }
      let layers = elements.compactMap(\.wholeNumber)
      return layers.count == elements.count ? Set(layers) : nil
    }
    containers =
      try fields.value("layers_pattern", "a name or a list of names") { value -> [String]? in
        if case .string(let name) = value { return name.isEmpty ? [] : [name] }
        guard case .array(let elements) = value else { return nil }
        let names = elements.compactMap { if case .string(let name) = $0 { name } else { nil } }
        return names.count == elements.count ? names : nil
      } ?? []
  }

  /// Whether a module is adapted; nil if an expression is not supported, so that the tensors decide.
  ///
  /// - Parameter isOutput: whether it is the last layer of a head, which `all-linear` excludes.
  func isTarget(_ module: String, isLinear: Bool, isOutput: Bool) -> Bool? {
    if let excluded {
      guard let isExcluded = excluded.contains(module) else { return nil }
      if isExcluded { return false }
    }
    if saved.contains(where: { ".\(module).".contains(".\($0).") }) { return false }
    if case .allLinear = targets { return isLinear && !isOutput }
    guard let isNamed = targets.contains(module) else { return nil }
    guard isNamed, case .list(let names) = targets, !names.contains(module), let layers, !layers.isEmpty else {
      return isNamed
    }
    let parts = module.split(separator: ".").map(String.init)
    // The module's layer is the first number, after the name of the layer list.
    guard let index = parts.dropFirst().firstIndex(where: { Int($0) != nil }), let layer = Int(parts[index]) else {
      return false
    }
    if !containers.isEmpty, !containers.contains(parts[index - 1]) { return false }
    return layers.contains(layer)
  }

  /// Whether `modules_to_save` matches a module, or one that contains it.
  func saves(_ module: String) -> Bool { Self.saves(module, naming: saved) }

  static func saves(_ module: String, naming saved: [String]) -> Bool {
    var ancestor = Substring(module)
    while true {
      if saved.contains(where: ancestor.hasSuffix) { return true }
      guard let dot = ancestor.lastIndex(of: ".") else { return false }
      ancestor = ancestor[..<dot]
    }
  }
}

/// Modules matched by a setting.
enum PeftNames: Sendable {
  /// Full names, or suffixes after a dot.
  case list([String])
  /// A regular expression for full names; nil: not supported.
  case pattern(NamePattern?)
  case allLinear

  /// Nil if the setting is missing.
  init?(_ key: String, _ fields: ConfigurationFields) throws(ConfigurationError) {
    let names = try fields.value(key, "a list of names, or a regular expression") { value -> PeftNames? in
      switch value {
      case .string(let text) where key == "target_modules" && text.lowercased() == "all-linear": return .allLinear
      case .string(let text): return .pattern(NamePattern(text))
      case .array(let elements):
        let names = elements.compactMap { if case .string(let name) = $0 { name } else { nil } }
        return names.count == elements.count ? .list(names) : nil
      default: return nil
      }
    }
    guard let names else { return nil }
    self = names
  }

  /// Nil if an expression is not supported.
  func contains(_ module: String) -> Bool? {
    switch self {
    case .list(let names): names.contains { module == $0 || module.hasSuffix("." + $0) }
    case .pattern(let pattern): pattern?.matches(module)
    case .allLinear: true
    }
  }
}

/// `rank_pattern`, `alpha_pattern` and others: values for modules whose name suffix matches a regular expression.
///
/// Source: peft, `utils/other.py`, `get_pattern_key`.
struct ModulePatterns<Value: Equatable & Sendable>: Sendable {
  private let key: String
  private let file: String
  private let patterns: [(text: String, pattern: NamePattern, value: Value)]

  /// - Parameter read: returns a member's value; nil if it is invalid.
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
    (self.key, file, self.patterns) = (key, fields.file, patterns)
  }

  /// - Throws: `ConfigurationError`, if two expressions assign different values to a module: which one applies would
  ///   depend on key order, which JSON does not guarantee.
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

extension ConfigurationFields {
  /// Integers from 1 for some modules.
  func wholePatterns(_ key: String) throws(ConfigurationError) -> ModulePatterns<Int> {
    try ModulePatterns(key, self) { value in value.wholeNumber.flatMap { (1...1 << 24).contains($0) ? $0 : nil } }
  }

  /// Numbers for some modules.
  func realPatterns(_ key: String) throws(ConfigurationError) -> ModulePatterns<Double> {
    try ModulePatterns(key, self, \.double)
  }
}
