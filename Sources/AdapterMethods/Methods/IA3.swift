public import Checkpoints
public import Deberta
public import Tensors

/// IA³: a trained factor for each output of a linear layer, including its bias.
///
///     y = (alpha l) ⊙ (W x + c)        l [outputs, 1]
///
/// A gate g replaces alpha. In the feed-forward layer it is applied before the activation, as in `adapters`. In v1 it
/// applies to thirds of the fused projection, like `LoRA`; alpha multiplies all of its outputs.
///
/// Source: Liu et al., "Few-Shot Parameter-Efficient Fine-Tuning is Better and
/// Cheaper than In-Context Learning" (2022); adapters, `methods/lora.py`, `IA3`.
public struct IA3: AdapterMethod {
  public static let architecture: String? = "lora"
  public static var fields: [MethodField] { ProjectionSettings.fields }

  private let projections: ProjectionSettings

  public static func claims(_ fields: ConfigurationFields) throws(ConfigurationError) -> Bool {
    try fields.string("composition_mode") == "scale"
  }

  public init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    projections = try ProjectionSettings(fields)
    if projections.rank != 1 {
      throw fields.impossible("r", "\(projections.rank)", "1, because composition_mode is 'scale'")
    }
    if projections.dropout > 0 {
      throw fields.impossible("dropout", "\(projections.dropout)", "0, because composition_mode is 'scale'")
    }
    if try fields.bool("use_dora") ?? false {
      throw fields.impossible("use_dora", "true", "false, because composition_mode is 'scale'")
    }
    if try VeRA.claims(fields) {
      throw fields.impossible("vera_d", "a number", "null, because composition_mode is 'scale'")
    }
    if projections.initialization == .vera {
      throw fields.impossible("init_weights", "'vera'", "'ia3', because composition_mode is 'scale'")
    }
  }

  public var name: String { "ia3" }

  public var settings: [String: JSONValue] { projections.settings }
  public var notices: [String] { projections.notices }

  public func parameters(for shape: DebertaV2Configuration) throws(ConfigurationError) -> [ParameterSpec] {
    projections.modules(shape).flatMap { [vector($0)] + $0.gateSpecs }
  }

  public func hooks(
    _ parameters: AdapterParameters, named name: String, in encoder: Encoder, on pass: Pass
  ) throws(ConfigurationError) -> EncoderHooks {
    var hooks = EncoderHooks(layers: encoder.configuration.layerCount)
    for module in projections.modules(encoder.configuration) {
      hooks.layers[module.layer][module.place] = ScaledOutputs(
        factors: factors(parameters, module, on: pass),
        gate: module.gate(parameters, named: name, columns: module.parts, on: pass))
    }
    return hooks
  }

  /// (alpha l) ⊙ W, with the bias scaled likewise; nil for gated adapters.
  public func merged(_ parameters: AdapterParameters, into encoder: Encoder) -> Encoder? {
    guard !projections.isGated else { return nil }
    let pass = Pass(encoder.compute)
    return encoder.replacing(projections.modules(encoder.configuration)) { module, linear in
      linear.replacing(
        weight: encoder.compute.unpacked(linear.weight), scaledBy: factors(parameters, module, on: pass), on: pass)
    }
  }

  /// alpha l, [1, outputs]; l is 1 for outputs that are not adapted.
  private func factors(_ parameters: AdapterParameters, _ module: ProjectionModule, on pass: Pass) -> Tensor {
    let own = parameters[vector(module)].reshaped(rows: 1, columns: module.adapted)
    return pass.scaled(
      module.spread(own, rest: 1, on: pass), by: projections.isGated ? 1 : projections.alpha)
  }

  private func vector(_ module: ProjectionModule) -> ParameterSpec {
    module.spec("lora_B", [module.adapted, 1], projections.initialization.factors(inputs: module.inputs, rank: 1).b)
  }
}

/// factors ⊙ y, times a gate.
struct ScaledOutputs: ProjectionHook {
  /// [1, outputs]
  let factors: Tensor
  let gate: AdapterGate?

  var isTokenwise: Bool { gate == nil }

  func adapt(_ y: Tensor, input x: Tensor, at site: Site, on pass: Pass) {
    pass.scaleColumns(y, by: factors)
    gate?.apply(to: y, reading: x, at: site, on: pass)
  }
}

extension Linear {
  /// A layer with each output of `weight`, and of this layer's bias, multiplied by its factor. factors [1, outputs]
  func replacing(weight: Tensor, scaledBy factors: Tensor, on pass: Pass) -> Linear {
    for row in 0..<weight.rows { pass.scale(weight.rows(row..<row + 1), by: factors.pointer[row]) }
    let scaledBias = bias.map { bias in
      let copy = pass.copy(bias)
      pass.scaleColumns(copy, by: factors)
      return copy
    }
    return pass.layer(weight: weight, bias: scaledBias)
  }
}
