import AdapterMethods
import Checkpoints
import Deberta
import Tensors

/// A trained shift of the outputs of the value projection, in v1 of the one after attention, and of the down projection:
/// a method that the tests define, as an application would.
///
///     y = W x + c + factor · d        d [outputs]
struct OutputShift: AdapterMethod {
  static let architecture: String? = "output_shift"
  static let fields = [
    MethodField("architecture", .string("output_shift")), MethodField("leave_out", .array([])),
    MethodField("factor", .number(1)),
  ]

  let settings: [String: JSONValue]
  private let leaveOut: Set<Int>
  private let factor: Float

  init(_ given: ConfigurationFields) throws(ConfigurationError) {
    let fields = try given.completed(by: Self.fields)
    settings = fields.members
    leaveOut = Set(try fields.integers("leave_out") ?? [])
    factor = Float(try fields.number("factor") ?? 1)
  }

  func parameters(for shape: DebertaV2Configuration) -> [ParameterSpec] { modules(shape).map(\.shift) }

  func hooks(
    _ parameters: AdapterParameters, named name: String, in encoder: Encoder, on pass: Pass
  ) -> EncoderHooks {
    var hooks = EncoderHooks(layers: encoder.configuration.layerCount)
    for module in modules(encoder.configuration) {
      hooks.layers[module.layer][module.place] = Shift(shift: pass.scaled(parameters[module.shift], by: factor))
    }
    return hooks
  }

  func merged(_ parameters: AdapterParameters, into encoder: Encoder) -> Encoder? {
    let pass = Pass(encoder.compute)
    return encoder.replacing(
      modules(encoder.configuration).map { module in
        let linear = encoder.linear(module.place, layer: module.layer)
        let bias = pass.scaled(parameters[module.shift], by: factor)
        if let own = linear.bias { pass.add(own, to: bias) }
        return (module.place, module.layer, Linear(weight: linear.weight, bias: bias))
      })
  }

  private func modules(
    _ shape: DebertaV2Configuration
  ) -> [(place: ProjectionPlace, layer: Int, shift: ParameterSpec)] {
    (0..<shape.layerCount).filter { !leaveOut.contains($0) }.flatMap { layer in
      [shape.family == .v1 ? ProjectionPlace.attentionOutput : .value, .down].map { place in
        let path = place.path(layer: layer)
        return (place, layer, ParameterSpec(path, "shifts", "shift", [place.widths(shape).outputs], .constant(0)))
      }
    }
  }

  private struct Shift: ProjectionHook {
    /// [1, outputs]
    let shift: Tensor

    var isTokenwise: Bool { true }

    func adapt(_ y: Tensor, input x: Tensor, at site: Site, on pass: Pass) {
      pass.addProduct(Tensor(Array(repeating: 1, count: y.rows), rows: y.rows, columns: 1), shift, to: y)
    }
  }
}
