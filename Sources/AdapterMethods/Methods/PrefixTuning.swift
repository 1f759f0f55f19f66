public import Checkpoints
public import Deberta
public import Tensors

/// Prefix tuning: trained keys and values before those of every sequence.
///
///     [k₀ v₀ k₁ v₁ ...] = W₂ act(W₁ e + b₁) + b₂        e [P, H], W₁ [b, H], W₂ [layers · 2 · H, b]
///
/// `flat` stores the keys and values themselves. With gates, the mean of sigmoid(gate(x)) over a sequence's tokens
/// multiplies keys and values. A prefix has no positions: its relative distance to tokens is undefined.
///
/// Source: Li and Liang, "Prefix-Tuning" (2021); adapters,
/// `methods/prefix_tuning.py`, `PrefixTuning`, `FlatPrefixTuning`, `PrefixTuningLayer`.
public struct PrefixTuning: AdapterMethod {
  public static let architecture: String? = "prefix_tuning"

  private let length: Int
  private let isFlat: Bool
  private let bottleneckSize: Int
  private let activation: Activation
  private let gateCount: Int
  private let leaveOut: Set<Int>
  /// Dropout of keys and values, in training.
  private let dropout: Float
  public let settings: [String: JSONValue]
  private let source: String

  public static let fields: [MethodField] = [
    MethodField("architecture", .string("prefix_tuning")),
    MethodField("encoder_prefix", .bool(true), .none),
    MethodField("cross_prefix", .bool(true), .none),
    MethodField("leave_out", .array([])),
    MethodField("flat", .bool(false)),
    MethodField("prefix_length", .integer(30)),
    MethodField("bottleneck_size", .integer(512)),
    MethodField("non_linearity", .string("tanh")),
    MethodField("dropout", .number(0)),
    MethodField("use_gating", .bool(false)),
    MethodField("shared_gating", .bool(true)),
    .seed,
  ]

  public init(_ given: ConfigurationFields) throws(ConfigurationError) {
    let fields = try given.completed(by: Self.fields)
    settings = fields.members
    length = try fields.whole("prefix_length", in: 1...1 << 16)
    isFlat = try fields.flag("flat")
    bottleneckSize = try fields.whole("bottleneck_size", in: 1...1 << 20)
    activation = try fields.there("non_linearity", fields.activation("non_linearity"))
    gateCount = try fields.flag("use_gating") ? (fields.flag("shared_gating") ? 1 : 2) : 0
    leaveOut = try fields.layers("leave_out")
    dropout = try fields.probability("dropout")
    source = fields.file
  }

  public var name: String { isFlat ? "prefix_tuning_flat" : "prefix_tuning" }

  public func parameters(for shape: DebertaV2Configuration) throws(ConfigurationError) -> [ParameterSpec] {
    let layers = layers(shape)
    guard shape.headCount * shape.headSize == shape.hiddenSize else {
      throw .impossible(
        key: "architecture", value: "'prefix_tuning'",
        expected: "another method: this model's heads are \(shape.headSize) features wide, not hidden_size / heads",
        file: source)
    }
    return PrefixTensors(self, shape).specs
      + layers.flatMap { gate(layer: $0, shape).map { [$0.weight, $0.bias] } ?? [] }
  }

  public func hooks(
    _ parameters: AdapterParameters, named name: String, in encoder: Encoder, on pass: Pass
  ) throws(ConfigurationError) -> EncoderHooks {
    let shape = encoder.configuration
    var hooks = EncoderHooks(layers: shape.layerCount)
    let prefix = pass.dropped(PrefixTensors(self, shape).values(parameters, activation, on: pass), dropout)
    for (index, layer) in layers(shape).enumerated() {
      func part(_ number: Int) -> Tensor {
        prefix.columns(number * shape.hiddenSize..<(number + 1) * shape.hiddenSize)
      }
      hooks.layers[layer].memory = Prefix(
        key: part(2 * index), value: part(2 * index + 1),
        gates: gates(parameters, layer: layer, named: name, shape, on: pass))
    }
    return hooks
  }

  /// The tensors of this prefix, taken from another one with more layers.
  func values(
    from other: PrefixTuning, _ parameters: AdapterParameters, for shape: DebertaV2Configuration
  ) throws(ConfigurationError) -> AdapterParameters {
    let specs = try self.parameters(for: shape)
    let kept = layers(shape)
    // Each stored layer has the key's features, then the value's.
    let features = other.layers(shape).enumerated().filter { kept.contains($1) }
      .flatMap { index, _ in Array(index * 2 * shape.hiddenSize..<(index + 1) * 2 * shape.hiddenSize) }
    let stored = try Dictionary(uniqueKeysWithValues: other.parameters(for: shape).map { ($0.id, $0) })
    var tensors: [String: Tensor] = [:]
    for spec in specs {
      guard let old = stored[spec.id] else { preconditionFailure("\(spec.id) is not a tensor of the longer prefix") }
      let values = parameters[old]
      guard old.shape != spec.shape else {
        tensors[spec.id] = values
        continue
      }
      // The flat form has a row of features for each vector; the layers have a row for each feature.
      let isFlat = spec.member.hasSuffix("control_trans")
      let rows = isFlat ? length : 1
      let width = isFlat ? 1 : spec.count / features.count
      let count = old.count / rows / width
      let array = values.array
      var kept: [Float] = []
      for row in 0..<rows {
        for feature in features {
          let first = (row * count + feature) * width
          kept += array[first..<first + width]
        }
      }
      let columns = spec.shape.last ?? 1
      tensors[spec.id] = Tensor(kept, rows: kept.count / columns, columns: columns)
    }
    return AdapterParameters(specs, tensors)
  }

  /// The prefix in its flat form: the keys and values computed by the two linear layers, without the layers.
  ///
  /// - Returns: nil, if it is already flat.
  /// - Throws: the errors of reading the changed settings.
  func ejected(_ parameters: AdapterParameters, for shape: DebertaV2Configuration) throws(ConfigurationError)
    -> Adapter?
  {
    guard !isFlat else { return nil }
    let members = settings.merging(["flat": .bool(true)]) { $1 }
    let method = try PrefixTuning(ConfigurationFields(.object(members), file: source))
    let values = PrefixTensors(self, shape).values(parameters, activation, on: Pass(Compute(threads: 1)))
    var tensors: [String: Tensor] = [:]
    let specs = try method.parameters(for: shape)
    for spec in specs where spec.container == "prefix_gates" { tensors[spec.id] = parameters[spec] }
    for spec in PrefixTensors(method, shape).specs {
      tensors[spec.id] = Tensor(values.array, rows: 1, columns: spec.count)
    }
    return Adapter(method: method, parameters: AdapterParameters(specs, tensors))
  }

  private func layers(_ shape: DebertaV2Configuration) -> [Int] {
    (0..<shape.layerCount).filter { !leaveOut.contains($0) }
  }

  private func gate(layer: Int, _ shape: DebertaV2Configuration) -> (weight: ParameterSpec, bias: ParameterSpec)? {
    guard gateCount > 0 else { return nil }
    func spec(_ member: String, _ shape: [Int], _ start: Initializer) -> ParameterSpec {
      ParameterSpec(
        EncoderPlace.path(layer: layer) + ".attention.self.prefix_tuning", "prefix_gates", member, shape, start)
    }
    return (
      spec("weight", [gateCount, shape.hiddenSize], .normal(deviation: 0.02)),
      spec("bias", [gateCount], .linear(inputs: shape.hiddenSize))
    )
  }

  /// A gate for keys and, if it is separate, a gate for values.
  private func gates(
    _ parameters: AdapterParameters, layer: Int, named name: String, _ shape: DebertaV2Configuration, on pass: Pass
  ) -> [AdapterGate] {
    guard let specs = gate(layer: layer, shape) else { return [] }
    return (0..<gateCount).map { row in
      AdapterGate(
        pass.layer(
          weight: parameters[specs.weight].rows(row..<row + 1), bias: parameters[specs.bias].columns(row..<row + 1)),
        adapter: name, place: "self_prefix")
    }
  }

  /// The parameters of the prefix, once per model. `adapters` repeats them under every layer.
  private struct PrefixTensors {
    private var embedding, up, upBias, down, downBias, flat: ParameterSpec?
    private let length: Int

    var specs: [ParameterSpec] { [flat, embedding, up, upBias, down, downBias].compactMap { $0 } }

    init(_ method: PrefixTuning, _ shape: DebertaV2Configuration) {
      func spec(_ member: String, _ sizes: [Int], _ start: Initializer) -> ParameterSpec {
        let member = "self_prefix." + member
        return ParameterSpec(
          "prefix_tuning", "prefix_tunings", member, sizes, start,
          aliases: (0..<shape.layerCount).map { layer in
            ParameterSpec.Alias(EncoderPlace.path(layer: layer) + ".attention.self.prefix_tuning.pool", member)
          })
      }
      length = method.length
      let (hidden, size) = (shape.hiddenSize, method.bottleneckSize)
      let width = method.layers(shape).count * 2 * hidden
      if method.isFlat {
        flat = spec("control_trans", [length * width], .normal(deviation: 1))
      } else {
        embedding = spec("wte.weight", [length, hidden], .normal(deviation: 1))
        up = spec("control_trans.0.weight", [size, hidden], .linear(inputs: hidden))
        upBias = spec("control_trans.0.bias", [size], .linear(inputs: hidden))
        down = spec("control_trans.2.weight", [width, size], .linear(inputs: size))
        downBias = spec("control_trans.2.bias", [width], .linear(inputs: size))
      }
    }

    /// Keys and values of all layers, [P, layers · 2 · H].
    func values(_ parameters: AdapterParameters, _ activation: Activation, on pass: Pass) -> Tensor {
      if let flat {
        return parameters[flat].reshaped(rows: length, columns: flat.count / length)
      }
      guard let embedding, let up, let upBias, let down, let downBias else {
        preconditionFailure("a prefix is either flat or made by two linear layers")
      }
      func linear(_ weight: ParameterSpec, _ bias: ParameterSpec) -> Linear {
        pass.layer(weight: parameters[weight], bias: parameters[bias])
      }
      let narrow = pass.linear(parameters[embedding], linear(up, upBias))
      pass.activate(narrow, activation)
      return pass.linear(narrow, linear(down, downBias))
    }
  }
}

/// One layer's prefix. key, value [P, H]
private struct Prefix: MemoryHook {
  let key, value: Tensor
  /// None; one for both; or one each for keys and values.
  let gates: [AdapterGate]

  func memory(for x: Tensor, at site: Site, on pass: Pass) -> [(key: Tensor, value: Tensor)] {
    let openings = gates.map { $0.openings(x, at: site, on: pass) }
    guard let keyOpenings = openings.first, let valueOpenings = openings.last else {
      return site.segment.rows.map { _ in (key, value) }
    }
    func scaled(_ memory: Tensor, _ openings: Tensor, _ row: Int) -> Tensor {
      let own = pass.copy(memory)
      pass.scale(own, by: openings.rows(row..<row + 1))
      return own
    }
    return site.segment.rows.indices.map { (scaled(key, keyOpenings, $0), scaled(value, valueOpenings, $0)) }
  }
}
