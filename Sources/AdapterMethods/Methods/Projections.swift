internal import Checkpoints
internal import Deberta
internal import Tensors

/// Settings shared by the methods of the architecture `lora`: target layers, rank and scale.
///
/// Source: adapters, `configuration/adapter_config.py`, `LoRAConfig`.
struct ProjectionSettings: Sendable {
  let places: [ProjectionPlace]
  let leaveOut: Set<Int>
  let rank: Int
  let alpha: Float
  let isGated: Bool
  /// Dropout of the added product's input, in training.
  let dropout: Float
  let initialization: Initialization
  /// Whether `attn_matrices` includes `o`, which `adapters` saves and ignores.
  private let namesOutput: Bool
  /// Every key, as `adapters` stores it.
  let settings: [String: JSONValue]

  enum Initialization: String { case lora, bert, ia3, vera }

  /// The keys, with the defaults of LoRA.
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
    namesOutput = try fields.strings("attn_matrices")?.contains("o") ?? false
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

  /// The settings with more layers left out.
  func leavingOut(_ layers: Set<Int>) throws(ConfigurationError) -> ProjectionSettings {
    try ProjectionSettings(ConfigurationFields(leavingOut: layers, in: settings))
  }

  /// Messages about settings that have no effect.
  var notices: [String] {
    namesOutput ? ["'o' in attn_matrices has no effect on DeBERTa, in the Python library as here."] : []
  }

  private static func places(_ fields: ConfigurationFields) throws(ConfigurationError) -> [ProjectionPlace] {
    let matrices = try fields.there("attn_matrices", fields.strings("attn_matrices"))
    // 'o' is accepted and has no effect, as in `adapters`.
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

  /// The adapted linear layers of an encoder.
  func modules(_ shape: DebertaV2Configuration) -> [ProjectionModule] {
    (0..<shape.layerCount).filter { !leaveOut.contains($0) }.flatMap { layer in
      let thirds = fusedThirds(shape)
      let fused = thirds.isEmpty ? [] : [(ProjectionPlace.queryKeyValue, thirds)]
      let own = places.filter(shape.family.projections.contains).map { ($0, [0..<$0.widths(shape).outputs]) }
      return (fused + own).map { place, parts in
        ProjectionModule(
          LoRATarget(place, layer: layer, rank: rank, alpha: alpha, dropout: dropout), parts: parts, isGated: isGated,
          shape)
      }
    }
  }

  /// The rows of v1's fused projection that `adapters` adapts for 'q', 'k' and 'v': its first, second and last third,
  /// although the projection interleaves queries, keys and values by head.
  private func fusedThirds(_ shape: DebertaV2Configuration) -> [Range<Int>] {
    guard shape.family == .v1 else { return [] }
    let size = ProjectionPlace.queryKeyValue.widths(shape).outputs / 3
    return [ProjectionPlace.query, .key, .value].enumerated().filter { places.contains($1) }
      .map { third, _ in third * size..<(third + 1) * size }
  }

  /// The low-rank products per linear layer; nil unless each is a single product for the whole layer.
  func targets(_ shape: DebertaV2Configuration) -> [LoRATarget]? {
    let modules = modules(shape)
    guard !isGated, modules.allSatisfy(\.isWhole) else { return nil }
    return modules.map { LoRATarget($0.place, layer: $0.layer, rank: rank, alpha: alpha, dropout: dropout) }
  }
}

/// An adapted linear layer, or parts of its outputs with separate factors.
struct ProjectionModule: Sendable {
  let place: ProjectionPlace
  let layer: Int
  let inputs, outputs: Int
  /// The adapted outputs: all of them, or thirds of v1's fused projection.
  let parts: [Range<Int>]
  /// The rank of each part.
  let rank: Int
  /// The factor of the low-rank product: alpha / r, unless there is a gate.
  let scale: Float
  /// Dropout of the added product's input, in training.
  let dropout: Float
  let gate: (weight: ParameterSpec, bias: ParameterSpec)?
  private let path: String

  /// A whole linear layer.
  init(_ target: LoRATarget, _ shape: DebertaV2Configuration) {
    self.init(target, parts: [0..<target.place.widths(shape).outputs], isGated: false, shape)
  }

  init(_ target: LoRATarget, parts: [Range<Int>], isGated: Bool, _ shape: DebertaV2Configuration) {
    (place, layer, rank, dropout) = (target.place, target.layer, target.rank, target.dropout)
    (inputs, outputs) = place.widths(shape)
    self.parts = parts
    (path, scale) = (target.path, isGated ? 1 : target.alpha / Float(target.rank))
    gate =
      isGated
      ? (
        ParameterSpec(path, "loras", "gate.weight", [parts.count, inputs], .normal(deviation: 0.02)),
        ParameterSpec(path, "loras", "gate.bias", [parts.count], .linear(inputs: inputs))
      ) : nil
  }

  var isWhole: Bool { parts == [0..<outputs] }
  /// The number of outputs of each part.
  var width: Int { parts.first?.count ?? 0 }
  /// The number of outputs of all parts.
  var adapted: Int { parts.reduce(0) { $0 + $1.count } }

  /// Scatters values of the adapted outputs, [1, adapted], among all outputs, [1, outputs]; the others are `rest`.
  func spread(_ values: Tensor, rest: Float, on pass: Pass) -> Tensor {
    if isWhole { return values }
    let all = pass.tensor(rows: 1, columns: outputs)
    all.pointer.update(repeating: rest, count: outputs)
    var first = 0
    for part in parts {
      pass.copy(values.columns(first..<first + part.count), into: all.columns(part))
      first += part.count
    }
    return all
  }

  /// The factors of all parts as factors of the whole layer: A stacked [parts · r, inputs] and B [adapted, r], so that
  /// each part's outputs use only their part of A.
  func whole(_ factors: LowRankFactors, on pass: Pass) -> LowRankFactors {
    if isWhole { return factors }
    let b = pass.tensor(rows: outputs, columns: parts.count * rank)
    for row in 0..<outputs { b.rows(row..<row + 1).pointer.update(repeating: 0, count: b.columns) }
    var first = 0
    for (index, part) in parts.enumerated() {
      pass.copy(
        factors.b.rows(first..<first + part.count), into: b.rows(part).columns(index * rank..<(index + 1) * rank))
      first += part.count
    }
    return LowRankFactors(a: factors.a, b: b)
  }

  /// A tensor of this linear layer.
  func spec(_ member: String, _ shape: [Int], _ initializer: Initializer) -> ParameterSpec {
    ParameterSpec(path, "loras", member, shape, initializer)
  }

  var gateSpecs: [ParameterSpec] { [gate?.weight, gate?.bias].compactMap { $0 } }

  /// The gate that scales the adapter for each text, if there is one.
  ///
  /// - Parameter columns: the columns of each part in the scaled product; nil: a single part.
  func gate(
    _ parameters: AdapterParameters, named adapter: String, columns: [Range<Int>]? = nil, on pass: Pass
  ) -> AdapterGate? {
    gate.map {
      AdapterGate(
        pass.layer(weight: parameters[$0.weight], bias: parameters[$0.bias]), adapter: adapter,
        place: place.location, columns: isWhole ? nil : columns)
    }
  }
}

extension ProjectionPlace {
  /// The location's name in `adapters`: the configuration field that enables it.
  var location: String {
    switch self {
    case .query, .key, .value, .queryKeyValue, .attentionOutput: "selfattn_lora"
    case .up: "intermediate_lora"
    case .down: "output_lora"
    }
  }
}
