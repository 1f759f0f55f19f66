public import Checkpoints

extension TrainingSettings {
  /// A key of a configuration file.
  public struct Key: Hashable, Sendable {
    public let name: String
    /// Its possible values, default and effect.
    public let summary: String

    public init(name: String, summary: String) {
      self.name = name
      self.summary = summary
    }
  }

  /// The keys of a configuration file, in the order of reading.
  public static let keys: [Key] = [
    Key(name: "epochs", summary: "whole number; times through the examples; 3 without 'steps'"),
    Key(name: "steps", summary: "whole number; changes of the parameters, in place of 'epochs'"),
    Key(name: "optimizer", summary: "adamw (default), adafactor, sgd, or an object with 'name' and its settings"),
    Key(name: "weight_decay", summary: "number; by default 0.01 for adamw, else 0; never on biases and norms"),
    Key(name: "learning_rate", summary: "number; the highest of the schedule; default 0.0001"),
    Key(name: "schedule", summary: "linear (default), cosine, constant: the learning rate after the warm-up"),
    Key(name: "warmup_steps", summary: "whole number; steps in which the learning rate rises; default 0"),
    Key(name: "warmup_ratio", summary: "number of 0 to 1; the same as a share of all steps"),
    Key(
      name: "clip_norm", summary: "number; the most that the norm of the gradients may be; 0 for no limit; default 1"),
    Key(name: "accumulate", summary: "whole number; batches that make one step; default 1"),
    Key(name: "evaluate_every", summary: "'epoch' (default), 'end', or a number of steps; always at the end, too"),
    Key(name: "patience", summary: "whole number; evaluations without a new best that end the run; default never"),
    Key(name: "keep_best", summary: "true (default) puts the parameters of the best evaluation back at the end"),
    Key(
      name: "best_by",
      summary: "the metric that decides which evaluation is the best; default macro_f1 for classes, else see the README"
    ),
    Key(name: "save_every", summary: "whole number; steps between saved states; 0 for only at the end; default 500"),
    Key(name: "seed", summary: "whole number; what dropout is drawn from; default 0"),
    Key(name: "dropout", summary: "true (default) or false"),
  ]

  /// Reads a JSON file whose keys are all among ``keys``.
  ///
  /// - Throws: `checkpoint`, `configuration`, `unknownKey`.
  public init(path: String) throws(TrainingError) {
    let value: JSONValue
    do throws(CheckpointError) { value = try JSONValue(path: path) } catch { throw .checkpoint(error) }
    try self.init(value, file: path)
  }

  /// Reads an object.
  ///
  /// - Parameters:
  ///   - others: keys read elsewhere.
  ///   - file: the source of the object, for messages.
  ///   - value: its values.
  /// - Throws: `configuration` for an invalid value, `unknownKey` for an unknown key.
  public init(_ value: JSONValue, besides others: [String] = [], file: String) throws(TrainingError) {
    let fields: ConfigurationFields
    do throws(ConfigurationError) { fields = try ConfigurationFields(value, file: file) } catch {
      throw .configuration(error)
    }
    try fields.refuseUnknown(besides: Self.keys.map(\.name) + others)
    self.init(.epochs(3))
    if let value = fields.members["optimizer"], value != .null {
      optimizer = try OptimizerSettings(value, file: file)
    }
    do throws(ConfigurationError) { try read(fields) } catch { throw .configuration(error) }
    try check(file: file)
  }

  private mutating func read(_ fields: ConfigurationFields) throws(ConfigurationError) {
    let counts = 0...Int.max
    let (epochs, steps) = (try fields.integer("epochs", in: counts), try fields.integer("steps", in: counts))
    if let epochs, steps != nil { throw fields.impossible("epochs", "\(epochs)", "only one of 'epochs' and 'steps'") }
    length = steps.map { .steps($0) } ?? .epochs(epochs ?? 3)

    optimizer.weightDecay = try fields.number("weight_decay") ?? optimizer.weightDecay
    learningRate = try fields.number("learning_rate") ?? learningRate
    if let name = try fields.string("schedule") {
      guard let curve = Schedule.Curve(rawValue: name) else {
        let names = Schedule.Curve.allCases.map(\.rawValue).joined(separator: ", ")
        throw fields.impossible("schedule", "'\(name)'", names)
      }
      self.curve = curve
    }
    let rising = (try fields.integer("warmup_steps", in: counts), try fields.number("warmup_ratio"))
    switch rising {
    case (nil, nil): break
    case (let steps?, nil): warmUp = .steps(steps)
    case (nil, let ratio?): warmUp = .ratio(ratio)
    case (let steps?, _?):
      throw fields.impossible("warmup_steps", "\(steps)", "only one of 'warmup_steps' and 'warmup_ratio'")
    }

    if let norm = try fields.number("clip_norm") { clipNorm = norm == 0 ? nil : norm }
    accumulation = try fields.integer("accumulate", in: counts) ?? accumulation
    evaluation =
      try fields.value("evaluate_every", "'epoch', 'end' or a number of steps") { value in
        switch value {
        case .string("epoch"): .epoch
        case .string("end"): .end
        default: value.wholeNumber.map { .steps($0) }
        }
      } ?? evaluation
    patience = try fields.integer("patience", in: counts)
    keepsBest = try fields.bool("keep_best") ?? keepsBest
    bestBy = try fields.string("best_by")
    if let steps = try fields.integer("save_every", in: counts) { saveInterval = steps == 0 ? nil : steps }
    seed = try fields.integer("seed", in: counts).map { UInt64($0) } ?? seed
    usesDropout = try fields.bool("dropout") ?? usesDropout
  }

  /// The object from which these settings can be read back.
  public var object: JSONValue {
    var members: [String: JSONValue] = [
      "optimizer": optimizer.object, "weight_decay": .number(optimizer.weightDecay),
      "learning_rate": .number(learningRate), "schedule": .string(curve.rawValue), "clip_norm": .number(clipNorm ?? 0),
      "accumulate": .integer(accumulation), "keep_best": .bool(keepsBest), "save_every": .integer(saveInterval ?? 0),
      "seed": .integer(Int(clamping: seed)), "dropout": .bool(usesDropout),
    ]
    switch length {
    case .steps(let steps): members["steps"] = .integer(steps)
    case .epochs(let epochs): members["epochs"] = .integer(epochs)
    }
    switch warmUp {
    case .steps(let steps): members["warmup_steps"] = .integer(steps)
    case .ratio(let ratio): members["warmup_ratio"] = .number(ratio)
    }
    switch evaluation {
    case .steps(let steps): members["evaluate_every"] = .integer(steps)
    case .epoch: members["evaluate_every"] = .string("epoch")
    case .end: members["evaluate_every"] = .string("end")
    }
    members["patience"] = patience.map { .integer($0) }
    members["best_by"] = bestBy.map { .string($0) }
    return .object(members)
  }
}
