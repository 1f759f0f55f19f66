import AdapterHost

/// A trained factor for each output of the value and the up projections.
///
///     y = s · (W x + b)
///
/// s [outputs] starts at 1: a fresh adapter is the base model.
struct OutputScale: AdapterMethod {
  static let architecture: String? = "output_scale"

  static let fields = [
    MethodField("architecture", .string("output_scale")), MethodField("leave_out", .array([])),
  ]

  let settings: [String: JSONValue]
  private let leaveOut: Set<Int>

  init(_ given: ConfigurationFields) throws(ConfigurationError) {
    let fields = try given.completed(by: Self.fields)
    settings = fields.members
    leaveOut = Set(try fields.integers("leave_out") ?? [])
  }

  func parameters(for shape: DebertaV2Configuration) -> [ParameterSpec] {
    modules(shape).map(\.factors)
  }

  func hooks(
    _ parameters: AdapterParameters, named name: String, in encoder: Encoder, on pass: Pass
  ) -> EncoderHooks {
    var hooks = EncoderHooks(layers: encoder.configuration.layerCount)
    for module in modules(encoder.configuration) {
      hooks.layers[module.layer][module.place] = OutputScaleHook(factors: parameters[module.factors])
    }
    return hooks
  }

  func merged(_ parameters: AdapterParameters, into encoder: Encoder) -> Encoder? {
    let pass = Pass(encoder.compute)
    return encoder.replacing(
      modules(encoder.configuration).map { module in
        let linear = encoder.linear(module.place, layer: module.layer)
        let weight = encoder.compute.unpacked(linear.weight)
        let factors = parameters[module.factors]
        for (output, factor) in factors.array.enumerated() {
          pass.scale(weight.rows(output..<output + 1), by: factor)
        }
        let bias = linear.bias.map { pass.copy($0) }
        if let bias { pass.scaleColumns(bias, by: factors) }
        return (module.place, module.layer, Linear(weight: weight, bias: bias, encoder.compute))
      })
  }

  /// Where it acts, and what it stores there.
  private func modules(
    _ shape: DebertaV2Configuration
  ) -> [(place: ProjectionPlace, layer: Int, factors: ParameterSpec)] {
    let places: [(ProjectionPlace, String, Int)] = [
      (.value, "attention.self.value_proj", shape.headCount * shape.headSize),
      (.up, "intermediate.dense", shape.intermediateSize),
    ]
    return (0..<shape.layerCount).filter { !leaveOut.contains($0) }.flatMap { layer in
      places.map { place, module, outputs in
        (place, layer, ParameterSpec("encoder.layer.\(layer).\(module)", "scales", "factors", [outputs], .constant(1)))
      }
    }
  }
}

private struct OutputScaleHook: ProjectionHook {
  /// [1, outputs]
  let factors: Tensor

  var isTokenwise: Bool { true }

  func adapt(_ y: Tensor, input x: Tensor, at site: Site, on pass: Pass) {
    pass.scaleColumns(y, by: factors)
  }
}
