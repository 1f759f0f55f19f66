internal import Checkpoints
internal import Deberta
internal import Kernels
internal import Tensors

/// A method that adds a low-rank product to linear layers; methods differ in how the two factors are defined.
///
///     y = W x + c + (alpha / r) B A x
///
/// A gate g replaces alpha / r, as in `adapters`.
protocol LowRankMethod: AdapterMethod {
  /// The linear layers that it adapts.
  func modules(_ shape: DebertaV2Configuration) -> [ProjectionModule]

  /// The parameters for one linear layer, without the gate.
  func specs(_ module: ProjectionModule) -> [ParameterSpec]

  /// The unscaled factors of one linear layer; if parts of it are adapted, A [parts · r, inputs] and B [outputs, parts
  /// · r].
  func factors(
    _ parameters: AdapterParameters, _ module: ProjectionModule, on pass: Pass
  ) -> LowRankFactors
}

/// A [r, inputs] and B [outputs, r].
struct LowRankFactors {
  let a, b: Tensor

  /// W + factor · B A, as rows.
  func added(to weight: PackedWeight, times factor: Float, on pass: Pass) -> Tensor {
    let sum = pass.compute.unpacked(weight)
    pass.addProduct(pass.scaled(b, by: factor), a, to: sum)
    return sum
  }
}

extension LowRankMethod {
  public static var architecture: String? { "lora" }
  public static var fields: [MethodField] { ProjectionSettings.fields }

  public func parameters(for shape: DebertaV2Configuration) throws(ConfigurationError) -> [ParameterSpec] {
    modules(shape).flatMap { specs($0) + $0.gateSpecs }
  }

  public func hooks(
    _ parameters: AdapterParameters, named name: String, in encoder: Encoder, on pass: Pass
  ) throws(ConfigurationError) -> EncoderHooks {
    var hooks = EncoderHooks(layers: encoder.configuration.layerCount)
    for module in modules(encoder.configuration) {
      hooks.layers[module.layer][module.place] = hook(parameters, module, named: name, on: pass)
    }
    return hooks
  }

  /// The hook on one linear layer.
  func hook(
    _ parameters: AdapterParameters, _ module: ProjectionModule, named name: String, on pass: Pass
  ) -> AddedLowRank {
    let factors = factors(parameters, module, on: pass)
    return AddedLowRank(
      a: pass.layer(weight: factors.a), left: LeftFactor(pass.scaled(factors.b, by: module.scale), on: pass),
      gate: module.gate(
        parameters, named: name,
        columns: module.parts.indices.map { $0 * module.rank..<($0 + 1) * module.rank }, on: pass),
      dropout: module.dropout)
  }

  /// W + (alpha / r) B A in every place; nil for gated adapters, which depend on the text.
  public func merged(_ parameters: AdapterParameters, into encoder: Encoder) -> Encoder? {
    let modules = modules(encoder.configuration)
    guard modules.allSatisfy({ $0.gate == nil }) else { return nil }
    let pass = Pass(encoder.compute)
    return encoder.replacing(modules) { module, linear in
      let weight = factors(parameters, module, on: pass).added(to: linear.weight, times: module.scale, on: pass)
      return pass.layer(weight: weight, bias: linear.bias)
    }
  }
}

/// (alpha / r) B A x, or g B A x with a gate.
struct AddedLowRank: LowRankHook {
  /// [r, inputs]
  let a: Linear
  /// (alpha / r) B
  let left: LeftFactor
  let gate: AdapterGate?
  let dropout: Float

  var isTokenwise: Bool { gate == nil }

  func right(_ x: Tensor, at site: Site, on pass: Pass) -> Tensor {
    let right = pass.linear(pass.dropped(x, dropout), a)
    gate?.apply(to: right, reading: x, at: site, on: pass)
    return right
  }
}

extension Encoder {
  /// This encoder with the linear layers of some modules rebuilt.
  func replacing(_ modules: [ProjectionModule], by make: (ProjectionModule, Linear) -> Linear) -> Encoder {
    replacing(modules.map { ($0.place, $0.layer, make($0, linear($0.place, layer: $0.layer))) })
  }
}
