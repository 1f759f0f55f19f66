public import Checkpoints
public import DebertaV2
internal import Kernels
internal import Tensors

/// LoRA: a product of low rank added to a linear layer.
///
///     y = W x + c + (alpha / r) B A x
///
/// With a gate g, the mean over tokens of sigmoid(gate(x)), g takes the
/// place of alpha / r, as in the reference. On query and key it also acts on
/// the relative positions where the model shares its projections (DeBERTa-v3).
///
/// Source: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models"
/// (2021); adapters, `methods/lora.py`, `LoRA`.
public struct LoRA: AdapterMethod {
  public static let architecture: String? = "lora"

  let places: [ProjectionPlace]
  let leaveOut: Set<Int>
  let rank: Int
  let alpha: Float
  let isGated: Bool
  let initialization: Initialization
  public let settings: [String: JSONValue]

  enum Initialization: String { case lora, bert, ia3, vera }

  public init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    func impossible(_ key: String, _ value: String, _ expected: String) -> ConfigurationError {
      .impossible(key: key, value: value, expected: expected, file: fields.file)
    }
    settings = fields.members.merging(Self.defaults) { own, _ in own }
    var places: [ProjectionPlace] = []
    if try fields.bool("selfattn_lora") ?? true {
      for name in try fields.strings("attn_matrices") ?? ["q", "v"] {
        switch name {
        case "q": places.append(.query)
        case "k": places.append(.key)
        case "v": places.append(.value)
        case "o": break  // accepted and without effect, as in the reference
        default: throw impossible("attn_matrices", "'\(name)'", "'q', 'k' or 'v'")
        }
      }
    }
    if try fields.bool("intermediate_lora") ?? false { places.append(.up) }
    if try fields.bool("output_lora") ?? false { places.append(.down) }
    self.places = places
    leaveOut = try Set(fields.integers("leave_out") ?? [])
    rank = try fields.integer("r", in: 1...1 << 16) ?? 8
    alpha = try fields.number("alpha").map { Float($0) } ?? 8
    isGated = try fields.bool("use_gating") ?? false
    let name = try fields.string("init_weights") ?? "lora"
    guard let initialization = Initialization(rawValue: name) else {
      throw impossible("init_weights", "'\(name)'", "'lora', 'bert', 'ia3' or 'vera'")
    }
    self.initialization = initialization
    let mode = try fields.string("composition_mode") ?? "add"
    guard mode == "add" else {
      throw impossible("composition_mode", "'\(mode)'", "'add': scaling methods such as IA3 are not among this program's")
    }
    if try fields.bool("use_dora") ?? false {
      throw impossible("use_dora", "true", "false: DoRA is not among this program's methods")
    }
    for key in ["vera_d", "vera_b"] where try fields.number(key) != nil {
      throw impossible(key, "a number", "null: VeRA is not among this program's methods")
    }
  }

  private static let defaults: [String: JSONValue] = [
    "architecture": .string("lora"), "selfattn_lora": .bool(true), "intermediate_lora": .bool(false),
    "output_lora": .bool(false), "leave_out": .array([]), "r": .integer(8), "alpha": .integer(8),
    "dropout": .number(0), "attn_matrices": .array([.string("q"), .string("v")]), "composition_mode": .string("add"),
    "init_weights": .string("lora"), "init_weights_seed": .null, "use_gating": .bool(false), "use_dora": .bool(false),
    "vera_d": .null, "vera_b": .null, "dtype": .null,
  ]

  public func parameters(for shape: DebertaV2Configuration) throws(ConfigurationError) -> [ParameterSpec] {
    modules(shape).flatMap(\.specs)
  }

  public func hooks(
    _ parameters: AdapterParameters, named name: String, in encoder: Encoder
  ) throws(ConfigurationError) -> EncoderHooks {
    var hooks = EncoderHooks(layers: encoder.configuration.layerCount)
    for module in modules(encoder.configuration) {
      hooks.layers[module.layer][module.place] = LoRAHook(
        a: encoder.compute.packed(parameters[module.a]),
        left: LeftFactor(scaled(parameters[module.b], encoder.compute), encoder.compute),
        gate: module.gate.map { Linear(weight: parameters[$0.weight], bias: parameters[$0.bias], encoder.compute) },
        adapter: name, site: module.site)
    }
    return hooks
  }

  /// W + (alpha / r) B A in every place; nil for gated adapters, whose effect depends on the text.
  public func merged(_ parameters: AdapterParameters, into encoder: Encoder) -> Encoder? {
    guard !isGated else { return nil }
    return encoder.replacing(
      modules(encoder.configuration).map { module in
        let linear = encoder.linear(module.place, layer: module.layer)
        let weight = encoder.compute.unpacked(linear.weight)
        encoder.compute.addProduct(scaled(parameters[module.b], encoder.compute), parameters[module.a], to: weight)
        return (module.place, module.layer, Linear(weight: weight, bias: linear.bias, encoder.compute))
      })
  }

  /// The scale is folded into B once.
  private func scaled(_ b: Tensor, _ compute: Compute) -> Tensor {
    isGated ? b : Pass(compute).scaled(b, by: alpha / Float(rank))
  }

  private func modules(_ shape: DebertaV2Configuration) -> [LoRAModule] {
    (0..<shape.layerCount).filter { !leaveOut.contains($0) }.flatMap { layer in
      places.map { LoRAModule(self, $0, layer, shape) }
    }
  }
}

/// LoRA at one linear layer, and what it stores.
private struct LoRAModule {
  let place: ProjectionPlace
  let layer: Int
  /// The reference's name for the location.
  let site: String
  /// A [r, inputs], B [outputs, r]
  let a, b: ParameterSpec
  let gate: (weight: ParameterSpec, bias: ParameterSpec)?

  init(_ method: LoRA, _ place: ProjectionPlace, _ layer: Int, _ shape: DebertaV2Configuration) {
    self.place = place
    self.layer = layer
    let (inputs, outputs) = place.widths(shape)
    let path = "encoder.layer.\(layer).\(place.module)"
    let (aStart, bStart): (Initializer, Initializer) =
      switch method.initialization {
      case .lora: (.linear(inputs: inputs), .constant(0))
      case .bert: (.normal(deviation: 0.02), .normal(deviation: 0.02))
      case .ia3: (.constant(1), .constant(1))
      case .vera:
        (
          .uniform(bound: (6 / Float(inputs)).squareRoot()), .uniform(bound: (6 / Float(method.rank)).squareRoot())
        )
      }
    site = place.location
    a = ParameterSpec(path, "loras", "lora_A", [method.rank, inputs], aStart)
    b = ParameterSpec(path, "loras", "lora_B", [outputs, method.rank], bStart)
    gate =
      method.isGated
      ? (
        ParameterSpec(path, "loras", "gate.weight", [1, inputs], .normal(deviation: 0.02)),
        ParameterSpec(path, "loras", "gate.bias", [1], .linear(inputs: inputs))
      ) : nil
  }

  var specs: [ParameterSpec] { [a, b, gate?.weight, gate?.bias].compactMap { $0 } }
}

private struct LoRAHook: LowRankHook {
  /// [r, inputs]
  let a: PackedMatrix
  /// (alpha / r) B
  let left: LeftFactor
  let gate: Linear?
  let adapter: String
  let site: String

  func right(_ x: Tensor, at site: Site, on pass: Pass) -> Tensor {
    let right = pass.linear(x, Linear(weight: a, bias: nil))
    if let gate { pass.applyGate(gate, reading: x, to: right, at: site, adapter: adapter, place: self.site) }
    return right
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
