internal import Checkpoints
internal import Files

extension AdapterMethod {
  /// The configuration's ID in whole-model files of `adapters`: 16 hexadecimal digits.
  ///
  /// The SHA-1 of the settings as JSON, without those that are off or empty, and without some default values of
  /// bottlenecks. Settings that differ only in these have the same ID. Source: adapters, `utils.py`,
  /// `get_adapter_config_hash`.
  public var configurationID: String { ConfigurationIdentity.text(of: settings) }
}

extension FusionSettings {
  /// The settings' ID in whole-model files of `adapters`: the name of a preset, or digits as for adapters.
  public var configurationID: String {
    let presets = ["dynamic": FusionSettings.dynamic, "static": FusionSettings.static]
    return presets.first { $0.value.settings == settings }?.key ?? ConfigurationIdentity.text(of: settings)
  }
}

private enum ConfigurationIdentity {
  static func text(of settings: [String: JSONValue]) -> String {
    var members: [String: JSONValue] = [:]
    if case .array(let configurations)? = settings["configs"], settings["architecture"] == .string("union") {
      for (index, configuration) in configurations.enumerated() {
        guard case .object(let own) = configuration else { continue }
        for (key, value) in own { members["\(index).\(key)"] = value }
      }
    } else {
      members = settings
    }
    // A setting of this package, which `adapters` does not save.
    members["subtract_projection"] = nil
    members = members.filter { !$0.value.isFalse }.mapValues(\.withoutFalseMembers)
    for (key, value) in standardValues where members[key] == value { members[key] = nil }
    return String(SHA1.hexadecimal(of: Array(JSONValue.object(members).line.utf8)).prefix(16))
  }

  private static var standardValues: [String: JSONValue] {
    [
      "phm_layer": .bool(true), "phm_dim": .integer(4), "factorized_phm_W": .bool(true),
      "shared_phm_rule": .bool(true), "phm_c_init": .string("normal"), "phm_init_range": .number(0.0001),
      "learn_phm": .bool(true), "hypercomplex_nonlinearity": .string("glorot-uniform"), "phm_rank": .integer(1),
      "phm_bias": .bool(true), "init_weights": .string("bert"), "scaling": .number(1),
    ]
  }
}

extension JSONValue {
  /// Whether Python treats it as false.
  fileprivate var isFalse: Bool {
    switch self {
    case .null, .bool(false), .integer(0), .number(0), .string(""), .array([]), .object([:]): true
    default: false
    }
  }

  fileprivate var withoutFalseMembers: JSONValue {
    guard case .object(let members) = self else { return self }
    return .object(members.filter { !$0.value.isFalse }.mapValues(\.withoutFalseMembers))
  }
}
