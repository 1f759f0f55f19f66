internal import Checkpoints
internal import Files

/// The choice of an optimizer with its settings.
///
/// In JSON a name, or an object with name and settings.
///
///     "optimizer": "adamw"
///     "optimizer": {"name": "adamw", "betas": [0.9, 0.999], "epsilon": 1e-8}
///     "optimizer": {"name": "adafactor", "epsilon": 1e-30, "clip_threshold": 1, "decay_rate": -0.8, "beta1": 0.9,
///                   "scale_parameter": false, "parameter_epsilon": 1e-3, "relative_step": false}
///     "optimizer": {"name": "sgd", "momentum": 0.9}
///
/// Weight decay has a separate key, because all optimizers support it.
public enum OptimizerSettings: Hashable, Sendable {
  case adamW(AdamW)
  case adafactor(Adafactor)
  case sgd(MomentumSGD)

  /// The names of the optimizers.
  public static let names = [AdamW.name, Adafactor.name, MomentumSGD.name]

  /// An optimizer with its defaults; nil for an unknown name.
  public init?(name: String) {
    switch name {
    case AdamW.name: self = .adamW(AdamW())
    case Adafactor.name: self = .adafactor(Adafactor())
    case MomentumSGD.name: self = .sgd(MomentumSGD())
    default: return nil
    }
  }

  /// The method itself.
  public var rule: any UpdateRule {
    switch self {
    case .adamW(let rule): rule
    case .adafactor(let rule): rule
    case .sgd(let rule): rule
    }
  }

  public var name: String { type(of: rule).name }

  public var weightDecay: Double {
    get {
      switch self {
      case .adamW(let rule): rule.weightDecay
      case .adafactor(let rule): rule.weightDecay
      case .sgd(let rule): rule.weightDecay
      }
    }
    set {
      switch self {
      case .adamW(var rule):
        rule.weightDecay = newValue
        self = .adamW(rule)
      case .adafactor(var rule):
        rule.weightDecay = newValue
        self = .adafactor(rule)
      case .sgd(var rule):
        rule.weightDecay = newValue
        self = .sgd(rule)
      }
    }
  }

  /// Reads the member `optimizer` of a file.
  ///
  /// - Throws: `unknownKey` or `configuration`.
  init(_ value: JSONValue, file: String) throws(TrainingError) {
    if case .string(let name) = value {
      self = try Self.named(name, file: file)
      return
    }
    do {
      let fields = try ConfigurationFields(value, file: file)
      guard let name = try fields.string("name") else {
        throw ConfigurationError.missing(key: "optimizer.name", file: file)
      }
      self = try Self.named(name, file: file)
      try fields.refuseUnknown(besides: ["name"] + keys, in: "optimizer")
      try read(fields)
    } catch let error as ConfigurationError {
      throw .configuration(error)
    } catch let error as TrainingError {
      throw error
    } catch {
      preconditionFailure("\(error)")
    }
  }

  private static func named(_ name: String, file: String) throws(TrainingError) -> OptimizerSettings {
    guard let settings = OptimizerSettings(name: name) else {
      throw .configuration(
        .impossible(key: "optimizer", value: "'\(name)'", expected: Self.names.joined(separator: ", "), file: file))
    }
    return settings
  }

  /// The keys of an object in addition to `name`.
  private var keys: [String] {
    switch self {
    case .adamW: ["betas", "epsilon"]
    case .adafactor:
      [
        "epsilon", "parameter_epsilon", "clip_threshold", "decay_rate", "beta1", "scale_parameter", "relative_step",
      ]
    case .sgd: ["momentum"]
    }
  }

  private mutating func read(_ fields: ConfigurationFields) throws(ConfigurationError) {
    switch self {
    case .adamW(var rule):
      if let betas = try fields.numbers("betas", count: 2) { rule.betas = (betas[0], betas[1]) }
      rule.epsilon = try fields.number("epsilon") ?? rule.epsilon
      self = .adamW(rule)
    case .adafactor(var rule):
      rule.epsilon = try fields.number("epsilon") ?? rule.epsilon
      rule.parameterEpsilon = try fields.number("parameter_epsilon") ?? rule.parameterEpsilon
      rule.clipThreshold = try fields.number("clip_threshold") ?? rule.clipThreshold
      rule.decayRate = try fields.number("decay_rate") ?? rule.decayRate
      rule.beta1 = try fields.number("beta1")
      rule.scalesByParameter = try fields.bool("scale_parameter") ?? rule.scalesByParameter
      rule.usesRelativeStep = try fields.bool("relative_step") ?? rule.usesRelativeStep
      self = .adafactor(rule)
    case .sgd(var rule):
      rule.momentum = try fields.number("momentum") ?? rule.momentum
      self = .sgd(rule)
    }
  }

  /// The object from which this value can be read back, without weight decay.
  var object: JSONValue {
    var members: [String: JSONValue] = ["name": .string(name)]
    switch self {
    case .adamW(let rule):
      members["betas"] = .array([.number(rule.betas.0), .number(rule.betas.1)])
      members["epsilon"] = .number(rule.epsilon)
    case .adafactor(let rule):
      members["epsilon"] = .number(rule.epsilon)
      members["parameter_epsilon"] = .number(rule.parameterEpsilon)
      members["clip_threshold"] = .number(rule.clipThreshold)
      members["decay_rate"] = .number(rule.decayRate)
      members["beta1"] = rule.beta1.map { .number($0) }
      members["scale_parameter"] = .bool(rule.scalesByParameter)
      members["relative_step"] = .bool(rule.usesRelativeStep)
    case .sgd(let rule):
      members["momentum"] = .number(rule.momentum)
    }
    return .object(members)
  }

  /// - Throws: ``ConfigurationError/impossible(key:value:expected:file:)`` for a setting outside its range.
  func check(file: String) throws(ConfigurationError) {
    func expect(_ holds: Bool, _ key: String, _ value: Double, _ expected: String) throws(ConfigurationError) {
      guard holds else { throw .impossible(key: key, value: "\(value)", expected: expected, file: file) }
    }
    try expect(0...1000 ~= weightDecay, "weight_decay", weightDecay, "0 to 1000")
    func expectEpsilon(_ key: String, _ value: Double) throws(ConfigurationError) {
      try expect(value > 0 && value <= 1, "optimizer.\(key)", value, "a number above 0, up to 1")
    }
    switch self {
    case .adamW(let rule):
      try expect(0..<1 ~= rule.betas.0, "optimizer.betas", rule.betas.0, "two numbers from 0 to less than 1")
      try expect(0..<1 ~= rule.betas.1, "optimizer.betas", rule.betas.1, "two numbers from 0 to less than 1")
      try expectEpsilon("epsilon", rule.epsilon)
    case .adafactor(let rule):
      try expectEpsilon("epsilon", rule.epsilon)
      try expectEpsilon("parameter_epsilon", rule.parameterEpsilon)
      try expect(
        rule.clipThreshold > 0 && rule.clipThreshold <= 1e6, "optimizer.clip_threshold", rule.clipThreshold,
        "a number above 0, up to 1e6")
      try expect(
        rule.decayRate < 0 && rule.decayRate >= -10, "optimizer.decay_rate", rule.decayRate,
        "a number from -10 to below 0")
      if let beta1 = rule.beta1 {
        try expect(0..<1 ~= beta1, "optimizer.beta1", beta1, "a number from 0 to less than 1")
      }
    case .sgd(let rule):
      try expect(0..<1 ~= rule.momentum, "optimizer.momentum", rule.momentum, "a number from 0 to less than 1")
    }
  }
}

extension ConfigurationFields {
  /// A list with this many numbers.
  func numbers(_ key: String, count: Int) throws(ConfigurationError) -> [Double]? {
    try value(key, "a list of \(count) numbers") { value in
      guard case .array(let elements) = value else { return nil }
      let numbers = elements.compactMap(\.double)
      return numbers.count == elements.count && numbers.count == count ? numbers : nil
    }
  }

  /// - Throws: `unknownKey` for the first unknown key, in order.
  func refuseUnknown(besides known: [String], in parent: String? = nil) throws(TrainingError) {
    let unknown = members.keys.filter { !known.contains($0) }.sorted()
    guard let key = unknown.first else { return }
    throw .unknownKey(
      parent.map { "\($0).\(key)" } ?? key, nearest: NearestNames.of(key, in: known.sorted(), limit: 1), known: known,
      file: file)
  }
}
