public import Checkpoints
public import Deberta
public import Tensors

/// ReFT: a low-rank edit of the hidden states of the first and last tokens, after a layer.
///
///     x + (act(W x + b) - R x) R        W [r, H], R [r, H]
///
/// R has orthonormal rows in LoReFT and is unconstrained in NoReFT; DiReFT omits R x, which `subtract_projection` false
/// indicates (missing means true: files of `adapters` never set it). Positions count from both ends of each sequence.
///
/// Source: Wu et al., "ReFT: Representation Finetuning for Language Models"
/// (2024); adapters, `methods/reft.py`, `ReftUnit`, `ReftModule`.
public struct Reft: AdapterMethod {
  public static let architecture: String? = "reft"

  private let layers: Set<Int>?
  fileprivate let prefixCount, suffixCount: Int
  private let rank: Int
  private let isOrthogonal: Bool
  /// Whether first and last tokens share one unit.
  fileprivate let isTied: Bool
  fileprivate let subtractsProjection: Bool
  fileprivate let activation: Activation
  /// Dropout of the edited states, in training.
  fileprivate let dropout: Float
  public let settings: [String: JSONValue]
  private let source: String

  public static let fields: [MethodField] = [
    MethodField("architecture", .string("reft")),
    MethodField("layers", .string("all")),
    MethodField("prefix_positions", .integer(3)),
    MethodField("suffix_positions", .integer(0)),
    MethodField("r", .integer(1)),
    MethodField("orthogonality", nil),
    MethodField("tied_weights", .bool(false)),
    MethodField("dropout", .number(0.05)),
    MethodField("non_linearity", .null),
    MethodField("output_reft", .bool(true)),
    MethodField("subtract_projection", .bool(true)),
    .seed, .numberType,
  ]

  public init(_ given: ConfigurationFields) throws(ConfigurationError) {
    let fields = try given.completed(by: Self.fields)
    settings = fields.members
    let all = fields.members["layers"] == .string("all")
    layers = try !fields.flag("output_reft") ? [] : all ? nil : fields.layers("layers")
    prefixCount = try fields.whole("prefix_positions", in: 0...1 << 20)
    suffixCount = try fields.whole("suffix_positions", in: 0...1 << 20)
    rank = try fields.whole("r", in: 1...1 << 16)
    isOrthogonal = try fields.flag("orthogonality")
    isTied = try fields.flag("tied_weights")
    subtractsProjection = try fields.flag("subtract_projection")
    activation = try fields.activation("non_linearity") ?? .linear
    dropout = try fields.probability("dropout")
    source = fields.file
  }

  public var name: String {
    switch (isOrthogonal, subtractsProjection) {
    case (true, true): "loreft"
    case (false, true): "noreft"
    case (false, false): "direft"
    case (true, false): "reft"
    }
  }

  public func parameters(for shape: DebertaV2Configuration) throws(ConfigurationError) -> [ParameterSpec] {
    if isOrthogonal, rank >= shape.hiddenSize {
      throw .impossible(
        key: "r", value: "\(rank)", expected: "less than hidden_size \(shape.hiddenSize) with orthogonality",
        file: source)
    }
    return modules(shape).flatMap { $0.units.flatMap(\.specs) }
  }

  public func hooks(
    _ parameters: AdapterParameters, named name: String, in encoder: Encoder, on pass: Pass
  ) throws(ConfigurationError) -> EncoderHooks {
    var hooks = EncoderHooks(layers: encoder.configuration.layerCount)
    for (layer, units) in modules(encoder.configuration) {
      let edits = units.map { ReftUnit(self, $0, parameters, on: pass) }
      hooks.layers[layer].afterLayer = ReftEdit(
        prefixCount: prefixCount, suffixCount: suffixCount, prefix: edits[0], suffix: edits[isTied ? 0 : 1])
    }
    return hooks
  }

  private func modules(_ shape: DebertaV2Configuration) -> [(layer: Int, units: [ReftTensors])] {
    (0..<shape.layerCount).filter { layers?.contains($0) ?? true }.map { layer in
      (
        layer,
        (0..<(isTied ? 1 : 2)).map { unit in
          ReftTensors(layer, unit: unit, rank: rank, hidden: shape.hiddenSize, isOrthogonal: isOrthogonal)
        }
      )
    }
  }
}

/// The parameters of one unit.
private struct ReftTensors {
  let source, sourceBias: ParameterSpec
  /// R [r, H]; with `base`, the matrix from which R is computed.
  let projection: ParameterSpec
  let base: ParameterSpec?

  var specs: [ParameterSpec] { [source, sourceBias, projection] + (base.map { [$0] } ?? []) }

  init(_ layer: Int, unit: Int, rank: Int, hidden: Int, isOrthogonal: Bool) {
    func spec(
      _ member: String, _ shape: [Int], _ start: Initializer, isTrainable: Bool = true
    ) -> ParameterSpec {
      ParameterSpec(
        EncoderPlace.path(layer: layer) + ".reft_layer", "refts", "units.\(unit).\(member)", shape, start,
        isTrainable: isTrainable)
    }
    source = spec("learned_source.weight", [rank, hidden], .linear(inputs: hidden))
    sourceBias = spec("learned_source.bias", [rank], .linear(inputs: hidden))
    if isOrthogonal {
      projection = spec("projection.parametrizations.weight.original", [rank, hidden], .diagonal(-1))
      base = spec(
        "projection.parametrizations.weight.0.base", [hidden, hidden], .orthogonal(columns: rank), isTrainable: false)
    } else {
      projection = spec("projection.weight", [rank, hidden], .linear(inputs: hidden))
      base = nil
    }
  }

  /// R [r, H].
  func projection(_ parameters: AdapterParameters, on pass: Pass) -> Tensor {
    guard let base else { return parameters[projection] }
    return pass.householderRows(original: parameters[projection], base: parameters[base])
  }
}

/// x + (act(W x + b) - R x) R.
private struct ReftUnit {
  private let source: Linear
  /// R, and its transpose.
  private let projection, back: Linear
  private let activation: Activation
  private let subtractsProjection: Bool
  private let dropout: Float

  init(_ method: Reft, _ tensors: ReftTensors, _ parameters: AdapterParameters, on pass: Pass) {
    let rows = tensors.projection(parameters, on: pass)
    source = pass.layer(weight: parameters[tensors.source], bias: parameters[tensors.sourceBias])
    projection = pass.layer(weight: rows)
    back = pass.layer(weight: pass.transposed(rows))
    activation = method.activation
    subtractsProjection = method.subtractsProjection
    dropout = method.dropout
  }

  /// x [M, H], edited.
  func edited(_ x: Tensor, on pass: Pass) -> Tensor {
    let change = pass.linear(x, source)
    pass.activate(change, activation)
    if subtractsProjection { pass.add(pass.linear(x, projection), times: -1, to: change) }
    let edited = pass.copy(x)
    pass.addLinear(change, back, to: edited)
    pass.dropout(edited, dropout)
    return edited
  }
}

/// Edits the first and the last tokens of every sequence; if they overlap, the edit of the last ones applies.
private struct ReftEdit: StateHook {
  let prefixCount, suffixCount: Int
  let prefix, suffix: ReftUnit

  func edit(_ hidden: Tensor, at site: Site, on pass: Pass) {
    let first = edited(site.segment.rows.flatMap { $0.prefix(prefixCount) }, of: hidden, by: prefix, on: pass)
    let last = edited(site.segment.rows.flatMap { $0.suffix(suffixCount) }, of: hidden, by: suffix, on: pass)
    for (rows, states) in [first, last] {
      for (index, row) in rows.enumerated() {
        pass.copy(states.rows(index..<index + 1), into: hidden.rows(row..<row + 1))
      }
    }
  }

  private func edited(
    _ rows: [Int], of hidden: Tensor, by unit: ReftUnit, on pass: Pass
  ) -> (rows: [Int], states: Tensor) {
    let states = pass.gather(hidden, rows: rows)
    return (rows, rows.isEmpty ? states : unit.edited(states, on: pass))
  }
}
