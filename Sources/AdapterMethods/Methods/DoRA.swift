public import Checkpoints
public import Deberta
public import Tensors

/// DoRA: LoRA with a separately trained norm for each output of the adapted weight; DvoRA: the same for VeRA.
///
///     y = (m / ‖W + B A‖) ⊙ (W x + c + (alpha / r) B A x)
///
/// m [outputs, 1] starts as the norms of W's rows. As in `adapters`, the norm is taken row by row, of the product
/// without alpha / r. PEFT's DoRA takes the norm of W + (alpha / r) B A, and does not rescale the bias c; it is a
/// variant of PEFT's LoRA.
///
/// Source: Liu et al., "DoRA: Weight-Decomposed Low-Rank Adaptation" (2024);
/// adapters, `methods/lora.py`, `compute_dora_deltaw`.
public struct DoRA: AdapterMethod {
  public static let architecture: String? = "lora"
  public static var fields: [MethodField] { ProjectionSettings.fields }

  /// The low-rank product added to the weights.
  private let direction: any LowRankMethod

  public static func claims(_ fields: ConfigurationFields) throws(ConfigurationError) -> Bool {
    try fields.bool("use_dora") ?? false
  }

  public init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    direction = try VeRA.claims(fields) ? VeRA(fields) : LoRA(fields)
  }

  public var name: String { direction is VeRA ? "dvora" : "dora" }

  public var notices: [String] { direction.notices }

  public var settings: [String: JSONValue] { direction.settings }

  public func parameters(for shape: DebertaConfiguration) throws(ConfigurationError) -> [ParameterSpec] {
    try direction.parameters(for: shape) + modules(shape).map(magnitude)
  }

  public func hooks(
    _ parameters: AdapterParameters, named name: String, in encoder: Encoder, on pass: Pass
  ) throws(ConfigurationError) -> EncoderHooks {
    var hooks = EncoderHooks(layers: encoder.configuration.layerCount)
    for module in modules(encoder.configuration) {
      hooks.layers[module.layer][module.place] = RescaledSum(
        added: direction.hook(parameters, module, named: name, on: pass),
        factors: factors(parameters, module, encoder, on: pass))
    }
    return hooks
  }

  /// (m / ‖W + B A‖) ⊙ (W + (alpha / r) B A), with the bias scaled likewise; nil for gated adapters.
  public func merged(_ parameters: AdapterParameters, into encoder: Encoder) -> Encoder? {
    let modules = modules(encoder.configuration)
    guard modules.allSatisfy({ $0.gate == nil }) else { return nil }
    let pass = Pass(encoder.compute)
    return encoder.replacing(modules) { module, linear in
      let sum = direction.factors(parameters, module, on: pass)
        .added(to: linear.weight, times: module.scale, on: pass)
      return linear.replacing(weight: sum, scaledBy: factors(parameters, module, encoder, on: pass), on: pass)
    }
  }

  /// m / ‖W + B A‖, [1, outputs].
  private func factors(
    _ parameters: AdapterParameters, _ module: ProjectionModule, _ encoder: Encoder, on pass: Pass
  ) -> Tensor {
    let weight = encoder.linear(module.place, layer: module.layer).weight
    let sum = direction.factors(parameters, module, on: pass).added(to: weight, times: 1, on: pass)
    let lengths = parameters[magnitude(module)].reshaped(rows: 1, columns: module.adapted)
    let norms = pass.rowNorms(sum)
    if module.isWhole { return pass.quotient(lengths, norms) }
    let own = pass.tensor(rows: 1, columns: module.adapted)
    for (index, part) in module.parts.enumerated() {
      pass.copy(norms.columns(part), into: own.columns(index * module.width..<(index + 1) * module.width))
    }
    return module.spread(pass.quotient(lengths, own), rest: 1, on: pass)
  }

  private func modules(_ shape: DebertaConfiguration) -> [ProjectionModule] { direction.modules(shape) }

  private func magnitude(_ module: ProjectionModule) -> ParameterSpec {
    module.spec(
      "m.weight", [module.adapted, 1],
      .rowNorms(.projection(module.place, layer: module.layer), rows: module.parts))
  }
}

/// factors ⊙ (y + added)
private struct RescaledSum: ProjectionHook {
  let added: AddedLowRank
  /// [1, outputs]
  let factors: Tensor

  var isTokenwise: Bool { added.isTokenwise }

  func adapt(_ y: Tensor, input x: Tensor, at site: Site, on pass: Pass) {
    added.adapt(y, input: x, at: site, on: pass)
    pass.scaleColumns(y, by: factors)
  }
}
