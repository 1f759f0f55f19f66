internal import Checkpoints
internal import Deberta
internal import Tensors

/// What the methods of the architecture `lora` have in common: the linear layers that they act on, rank and scale.
///
/// Source: adapters, `configuration/adapter_config.py`, `LoRAConfig`.
struct ProjectionSettings: Sendable {
  let places: [ProjectionPlace]
  let leaveOut: Set<Int>
  let rank: Int
  let alpha: Float
  let isGated: Bool
  /// Of the input of what is added, in training.
  let dropout: Float
  let initialization: Initialization
  /// Every key, as the reference stores it.
  let settings: [String: JSONValue]

  enum Initialization: String { case lora, bert, ia3, vera }

  init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    settings = fields.members.merging(Self.defaults) { own, _ in own }
    places = try Self.places(fields)
    leaveOut = try Set(fields.integers("leave_out") ?? [])
    rank = try fields.integer("r", in: 1...1 << 16) ?? 8
    alpha = try fields.number("alpha").map { Float($0) } ?? 8
    isGated = try fields.bool("use_gating") ?? false
    dropout = try fields.dropout()
    let name = try fields.string("init_weights") ?? "lora"
    guard let initialization = Initialization(rawValue: name) else {
      throw fields.impossible("init_weights", "'\(name)'", "'lora', 'bert', 'ia3' or 'vera'")
    }
    self.initialization = initialization
  }

  private static func places(_ fields: ConfigurationFields) throws(ConfigurationError) -> [ProjectionPlace] {
    var places: [ProjectionPlace] = []
    if try fields.bool("selfattn_lora") ?? true {
      for name in try fields.strings("attn_matrices") ?? ["q", "v"] {
        switch name {
        case "q": places.append(.query)
        case "k": places.append(.key)
        case "v": places.append(.value)
        case "o": break  // accepted and without effect, as in the reference
        default: throw fields.impossible("attn_matrices", "'\(name)'", "'q', 'k' or 'v'")
        }
      }
    }
    if try fields.bool("intermediate_lora") ?? false { places.append(.up) }
    if try fields.bool("output_lora") ?? false { places.append(.down) }
    return places
  }

  private static let defaults: [String: JSONValue] = [
    "architecture": .string("lora"), "selfattn_lora": .bool(true), "intermediate_lora": .bool(false),
    "output_lora": .bool(false), "leave_out": .array([]), "r": .integer(8), "alpha": .integer(8),
    "dropout": .number(0), "attn_matrices": .array([.string("q"), .string("v")]), "composition_mode": .string("add"),
    "init_weights": .string("lora"), "init_weights_seed": .null, "use_gating": .bool(false), "use_dora": .bool(false),
    "vera_d": .null, "vera_b": .null, "dtype": .null,
  ]

  /// The linear layers of an encoder that are adapted.
  func modules(_ shape: DebertaV2Configuration) -> [ProjectionModule] {
    (0..<shape.layerCount).filter { !leaveOut.contains($0) }.flatMap { layer in
      places.map { ProjectionModule($0, layer, isGated: isGated, shape) }
    }
  }
}

/// One linear layer that a method acts on.
struct ProjectionModule: Sendable {
  let place: ProjectionPlace
  let layer: Int
  let inputs, outputs: Int
  let gate: (weight: ParameterSpec, bias: ParameterSpec)?
  private let path: String

  init(_ place: ProjectionPlace, _ layer: Int, isGated: Bool, _ shape: DebertaV2Configuration) {
    self.place = place
    self.layer = layer
    (inputs, outputs) = place.widths(shape)
    path = "encoder.layer.\(layer).\(place.module)"
    gate =
      isGated
      ? (
        ParameterSpec(path, "loras", "gate.weight", [1, inputs], .normal(deviation: 0.02)),
        ParameterSpec(path, "loras", "gate.bias", [1], .linear(inputs: inputs))
      ) : nil
  }

  /// A tensor of this linear layer.
  func spec(_ member: String, _ shape: [Int], _ initializer: Initializer) -> ParameterSpec {
    ParameterSpec(path, "loras", member, shape, initializer)
  }

  var gateSpecs: [ParameterSpec] { [gate?.weight, gate?.bias].compactMap { $0 } }

  /// How far the adapter's effect goes for each text, if that is learned.
  func gate(_ parameters: AdapterParameters, named adapter: String, on pass: Pass) -> AdapterGate? {
    gate.map {
      AdapterGate(
        pass.layer(weight: parameters[$0.weight], bias: parameters[$0.bias]), adapter: adapter,
        place: place.location)
    }
  }
}

extension ConfigurationFields {
  /// The probability of dropout in training, 0 where none is given.
  func dropout() throws(ConfigurationError) -> Float {
    let probability = try number("dropout") ?? 0
    guard (0..<1).contains(probability) else {
      throw impossible("dropout", "\(probability)", "a number from 0 to less than 1")
    }
    return Float(probability)
  }
}

extension ProjectionPlace {
  /// The layer's path in the reference, below `encoder.layer.N.`.
  var module: String {
    switch self {
    case .query: "attention.self.query_proj"
    case .key: "attention.self.key_proj"
    case .value: "attention.self.value_proj"
    case .attentionOutput: "attention.output.dense"
    case .up: "intermediate.dense"
    case .down: "output.dense"
    }
  }

  /// The reference's name of the location: the field of the configuration that turns it on.
  var location: String {
    switch self {
    case .query, .key, .value, .attentionOutput: "selfattn_lora"
    case .up: "intermediate_lora"
    case .down: "output_lora"
    }
  }

  /// Inputs and outputs.
  func widths(_ shape: DebertaV2Configuration) -> (inputs: Int, outputs: Int) {
    let heads = shape.headCount * shape.headSize
    return switch self {
    case .query, .key, .value: (shape.hiddenSize, heads)
    case .attentionOutput: (heads, shape.hiddenSize)
    case .up: (shape.hiddenSize, shape.intermediateSize)
    case .down: (shape.intermediateSize, shape.hiddenSize)
    }
  }
}
