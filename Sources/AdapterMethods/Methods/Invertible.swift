internal import Checkpoints
internal import Deberta
internal import Tensors

/// An invertible adapter after the embeddings: the additive coupling of NICE.
///
///     a' = a + F(b)        b' = b + G(a')        x = [a, b]
///
/// F and G are two linear layers with the bottleneck's activation between them. Part of a bottleneck's configuration
/// (`inv_adapter`).
///
/// Source: Pfeiffer et al., "MAD-X" (2020); Dinh et al., "NICE" (2014);
/// adapters, `methods/modeling.py`, `NICECouplingBlock`.
struct Invertible: Sendable {
  private let factor: Double
  private let activation: Activation
  private let source: String

  /// - Returns: nil for a bottleneck without an invertible adapter.
  /// - Throws: `ConfigurationError` also for `glow`, which fails in `adapters`.
  init?(_ fields: ConfigurationFields, _ activation: Activation) throws(ConfigurationError) {
    guard let kind = try fields.string("inv_adapter") else { return nil }
    guard kind == "nice" else {
      throw fields.impossible("inv_adapter", "'\(kind)'", "'nice', or null")
    }
    guard let factor = try fields.number("inv_adapter_reduction_factor") else {
      throw .missing(key: "inv_adapter_reduction_factor", file: fields.file)
    }
    guard factor > 0 else {
      throw fields.impossible("inv_adapter_reduction_factor", "\(factor)", "more than 0")
    }
    self.factor = factor
    self.activation = activation
    source = fields.file
  }

  /// Checks that F and G have hidden features, and fit into memory.
  func check(_ shape: DebertaV2Configuration) throws(ConfigurationError) {
    let size = Double(shape.hiddenSize / 2) / factor
    guard size >= 1, size < 16_777_216 else {
      throw .impossible(
        key: "inv_adapter_reduction_factor", value: "\(factor)",
        expected: "at most half of hidden_size \(shape.hiddenSize), and networks of ordinary size", file: source)
    }
  }

  func specs(_ shape: DebertaV2Configuration) -> [ParameterSpec] {
    networks(shape).flatMap { [$0.narrow, $0.narrowBias, $0.wide, $0.wideBias] }
  }

  func coupling(
    _ parameters: AdapterParameters, _ shape: DebertaV2Configuration, on pass: Pass
  ) -> AdditiveCoupling {
    let networks = networks(shape).map { specs in
      func linear(_ weight: ParameterSpec, _ bias: ParameterSpec) -> Linear {
        pass.layer(weight: parameters[weight], bias: parameters[bias])
      }
      return AdditiveCoupling.Network(
        narrow: linear(specs.narrow, specs.narrowBias), activation: activation,
        wide: linear(specs.wide, specs.wideBias))
    }
    return AdditiveCoupling(first: networks[0], second: networks[1])
  }

  private typealias Network = (
    narrow: ParameterSpec, narrowBias: ParameterSpec, wide: ParameterSpec, wideBias: ParameterSpec
  )

  /// F and G.
  private func networks(_ shape: DebertaV2Configuration) -> [Network] {
    let first = shape.hiddenSize / 2
    let second = shape.hiddenSize - first
    return [("F", second, first), ("G", first, second)].map { name, inputs, outputs in
      let size = Int((Double(inputs) / factor).rounded(.down))
      func spec(_ member: String, _ shape: [Int], _ start: Initializer) -> ParameterSpec {
        ParameterSpec("", "invertible_adapters", "\(name).\(member)", shape, start)
      }
      return (
        spec("0.weight", [size, inputs], .normal(deviation: 0.02)), spec("0.bias", [size], .constant(0)),
        spec("2.weight", [outputs, size], .normal(deviation: 0.02)), spec("2.bias", [outputs], .constant(0))
      )
    }
  }
}

/// a + F(b), then b + G(a), in place.
struct AdditiveCoupling: InvertibleHook {
  struct Network: Sendable {
    let narrow: Linear
    let activation: Activation
    let wide: Linear

    func callAsFunction(_ x: Tensor, on pass: Pass) -> Tensor {
      let states = pass.linear(x, narrow)
      pass.activate(states, activation)
      return pass.linear(states, wide)
    }
  }

  let first, second: Network

  func edit(_ hidden: Tensor, at site: Site, on pass: Pass) {
    let (a, b) = halves(hidden)
    // Copies: both halves change, and the networks' gradients need their inputs.
    pass.add(first(pass.copy(b), on: pass), to: a)
    pass.add(second(pass.copy(a), on: pass), to: b)
  }

  var inverse: (any StateHook)? { Inverse(coupling: self) }

  /// b - G(a), then a - F(b), in place.
  struct Inverse: StateHook {
    let coupling: AdditiveCoupling

    func edit(_ hidden: Tensor, at site: Site, on pass: Pass) {
      let (a, b) = coupling.halves(hidden)
      pass.add(coupling.second(pass.copy(a), on: pass), times: -1, to: b)
      pass.add(coupling.first(pass.copy(b), on: pass), times: -1, to: a)
    }
  }

  private func halves(_ hidden: Tensor) -> (Tensor, Tensor) {
    (hidden.columns(0..<first.wide.outputs), hidden.columns(first.wide.outputs..<hidden.columns))
  }
}
