public import Checkpoints
public import Deberta
internal import Tensors

/// VeRA: a low-rank product of random factors shared by all layers; each layer trains scalings between them.
///
///     y = W x + c + (alpha / r) Bv B Dv A x
///
/// A [r, inputs] and B [outputs, r] are shared and frozen; Dv [r, r] and
/// Bv [outputs, outputs] are stored dense and start as multiples of the identity.
/// In v1 each adapted third of the fused projection, as in `LoRA`, has separate Dv and Bv, stacked; this fails in
/// `adapters`.
///
/// Source: Kopiczko et al., "VeRA: Vector-based Random Matrix Adaptation"
/// (2023); adapters, `methods/lora.py`, `Vera`.
public struct VeRA: AdapterMethod, LowRankMethod {
  private let projections: ProjectionSettings
  /// Initial diagonal values of Dv and Bv.
  private let d, b: Float

  /// `adapters` distinguishes VeRA from LoRA by a non-integer number.
  public static func claims(_ fields: ConfigurationFields) throws(ConfigurationError) -> Bool {
    ["vera_d", "vera_b"].contains { if case .number = fields.members[$0] { true } else { false } }
  }

  public init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    func start(_ key: String) throws(ConfigurationError) -> Float {
      guard let value = try fields.number(key) else { throw .missing(key: key, file: fields.file) }
      return Float(value)
    }
    projections = try ProjectionSettings(fields)
    (d, b) = (try start("vera_d"), try start("vera_b"))
    if let mode = try fields.string("composition_mode"), mode != "add" {
      throw fields.impossible("composition_mode", "'\(mode)'", "'add', because vera_d and vera_b are set")
    }
  }

  public var name: String { "vera" }

  public var settings: [String: JSONValue] { projections.settings }
  public var notices: [String] { projections.notices }

  func modules(_ shape: DebertaV2Configuration) -> [ProjectionModule] { projections.modules(shape) }

  public func parameters(for shape: DebertaV2Configuration) throws(ConfigurationError) -> [ParameterSpec] {
    let modules = modules(shape)
    guard let first = modules.first else { return [] }
    guard modules.allSatisfy({ ($0.inputs, $0.width) == (first.inputs, first.width) }) else {
      throw .impossible(
        key: "attn_matrices", value: "beside linear layers of other widths",
        expected: "places of equal widths, because all share the factors A and B", file: "the VeRA configuration")
    }
    let shared = shared(first)
    return modules.flatMap { specs($0) + $0.gateSpecs } + [shared.a, shared.b]
  }

  func specs(_ module: ProjectionModule) -> [ParameterSpec] {
    [
      module.spec("vera_D", [module.parts.count * projections.rank, projections.rank], .diagonal(d)),
      module.spec("vera_B", [module.adapted, module.width], .diagonal(b)),
    ]
  }

  func factors(
    _ parameters: AdapterParameters, _ module: ProjectionModule, on pass: Pass
  ) -> LowRankFactors {
    let own = specs(module)
    let shared = shared(module)
    return module.whole(
      LowRankFactors(
        a: pass.product(parameters[own[0]], parameters[shared.a]),
        b: pass.product(parameters[own[1]], parameters[shared.b])), on: pass)
  }

  private func shared(_ module: ProjectionModule) -> (a: ParameterSpec, b: ParameterSpec) {
    let (aStart, bStart) = projections.initialization.factors(inputs: module.inputs, rank: projections.rank)
    func spec(_ name: String, _ shape: [Int], _ start: Initializer) -> ParameterSpec {
      ParameterSpec("", "shared_parameters", name, shape, start, isTrainable: false)
    }
    return (
      spec("lora_A", [projections.rank, module.inputs], aStart),
      spec("lora_B", [module.width, projections.rank], bStart)
    )
  }
}
