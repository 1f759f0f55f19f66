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

  /// The keys, with the standard values of LoRA.
  static let fields: [MethodField] = [
    MethodField("architecture", .string("lora")),
    MethodField("selfattn_lora", .bool(true)),
    MethodField("intermediate_lora", .bool(false)),
    MethodField("output_lora", .bool(false)),
    MethodField("leave_out", .array([])),
    MethodField("r", .integer(8)),
    MethodField("alpha", .integer(8)),
    MethodField("dropout", .number(0)),
    MethodField("attn_matrices", .array([.string("q"), .string("v")])),
    MethodField("composition_mode", .string("add")),
    MethodField("init_weights", .string("lora")),
    MethodField("use_gating", .bool(false)),
    MethodField("use_dora", .bool(false)),
    MethodField("vera_d", .null),
    MethodField("vera_b", .null),
    .seed, .numberType,
  ]

  /// - Throws: `ConfigurationError`.
  init(_ given: ConfigurationFields) throws(ConfigurationError) {
    let fields = try given.completed(by: Self.fields)
    settings = fields.members
    places = try Self.places(fields)
    leaveOut = try fields.layers("leave_out")
    rank = try fields.whole("r", in: 1...1 << 16)
    alpha = try fields.real("alpha")
    isGated = try fields.flag("use_gating")
    dropout = try fields.probability("dropout")
    let name = try fields.word("init_weights")
    guard let initialization = Initialization(rawValue: name) else {
      throw fields.impossible("init_weights", "'\(name)'", "'lora', 'bert', 'ia3' or 'vera'")
    }
    self.initialization = initialization
  }

  private static func places(_ fields: ConfigurationFields) throws(ConfigurationError) -> [ProjectionPlace] {
    let matrices = try fields.there("attn_matrices", fields.strings("attn_matrices"))
    // 'o' is accepted and has no effect, as in the reference.
    let known: [String: ProjectionPlace?] = ["q": .query, "k": .key, "v": .value, "o": nil]
    if let odd = matrices.first(where: { known[$0] == nil }) {
      throw fields.impossible("attn_matrices", "'\(odd)'", "'q', 'k' or 'v'")
    }
    var places: [ProjectionPlace] = []
    if try fields.flag("selfattn_lora") {
      for case let place?? in matrices.map({ known[$0] }) where !places.contains(place) { places.append(place) }
    }
    if try fields.flag("intermediate_lora") { places.append(.up) }
    if try fields.flag("output_lora") { places.append(.down) }
    return places
  }

  /// The linear layers of an encoder that are adapted.
  func modules(_ shape: DebertaV2Configuration) -> [ProjectionModule] {
    targets(shape).map { ProjectionModule($0, isGated: isGated, shape) }
  }

  /// The same with what each of them adds.
  func targets(_ shape: DebertaV2Configuration) -> [LoRATarget] {
    (0..<shape.layerCount).filter { !leaveOut.contains($0) }.flatMap { layer in
      places.map { LoRATarget($0, layer: layer, rank: rank, alpha: alpha, dropout: dropout) }
    }
  }
}

/// One linear layer that a method acts on.
struct ProjectionModule: Sendable {
  let place: ProjectionPlace
  let layer: Int
  let inputs, outputs: Int
  let rank: Int
  /// What a product of low rank is multiplied by: alpha / r, unless a gate decides.
  let scale: Float
  /// Of the input of what is added, in training.
  let dropout: Float
  let gate: (weight: ParameterSpec, bias: ParameterSpec)?
  private let path: String

  init(_ target: LoRATarget, isGated: Bool, _ shape: DebertaV2Configuration) {
    (place, layer, rank, dropout) = (target.place, target.layer, target.rank, target.dropout)
    (inputs, outputs) = place.widths(shape)
    (path, scale) = (target.path, isGated ? 1 : target.alpha / Float(target.rank))
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

extension ProjectionPlace {
  /// The reference's name of the location: the field of the configuration that turns it on.
  var location: String {
    switch self {
    case .query, .key, .value, .attentionOutput: "selfattn_lora"
    case .up: "intermediate_lora"
    case .down: "output_lora"
    }
  }
}
