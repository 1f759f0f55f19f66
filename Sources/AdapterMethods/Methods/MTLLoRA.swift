public import Checkpoints
public import Deberta
internal import Tensors

/// MTL-LoRA: LoRA with a down-projection that tasks can share, task-specific factors after it, and a mixture of several
/// up-projections.
///
///     y = W x + c + (alpha / r) Σ_k p_k B_k diag(v) A x        p = softmax(w / sharpness)
///
/// A [r, inputs], v [r], B [K, outputs, r], w [K]. A gate g replaces alpha / r. Several tasks are several adapters
/// under `MultiTask`, which may share the tensors `A` and `B` (`share_parameters`).
///
/// Source: Yang et al., "MTL-LoRA: Low-Rank Adaptation for Multi-Task Learning" (2024); adapters, `methods/lora.py`,
/// `MTLLoRA`. `adapters` cannot merge it; here the mixed product is merged like that of LoRA.
public struct MTLLoRA: AdapterMethod, LowRankMethod {
  public static let architecture: String? = "mtl_lora"

  public static let fields: [MethodField] =
    ProjectionSettings.fields.filter { $0.key != "architecture" } + [
      MethodField("architecture", .string("mtl_lora")),
      MethodField("n_up_projection", .integer(1)),
      MethodField(
        "task_specific_matrix_type", .string("singular_values"),
        .refused("'singular_values': the reference cannot make the matrix of 'linear' either")),
      MethodField("weights_sharpness", .number(0.05)),
    ]

  private let projections: ProjectionSettings
  private let upCount: Int
  private let sharpness: Float

  public init(_ given: ConfigurationFields) throws(ConfigurationError) {
    let fields = try given.completed(by: Self.fields)
    projections = try ProjectionSettings(fields)
    upCount = try fields.whole("n_up_projection", in: 1...1 << 10)
    sharpness = try fields.real("weights_sharpness")
    guard sharpness > 0 else { throw fields.impossible("weights_sharpness", "\(sharpness)", "a number above 0") }
    let mode = try fields.word("composition_mode")
    guard mode == "add" else { throw fields.impossible("composition_mode", "'\(mode)'", "'add' for mtl_lora") }
    guard try !fields.flag("use_dora") else { throw fields.impossible("use_dora", "true", "false for mtl_lora") }
    for key in ["vera_d", "vera_b"] {
      if let value = try fields.number(key) { throw fields.impossible(key, "\(value)", "null for mtl_lora") }
    }
  }

  public var name: String { "mtl_lora" }
  public var settings: [String: JSONValue] { projections.settings }
  public var notices: [String] { projections.notices }

  /// - Throws: `ConfigurationError` for thirds of DeBERTa v1's fused projection, which fail in `adapters`.
  public func parameters(for shape: DebertaV2Configuration) throws(ConfigurationError) -> [ParameterSpec] {
    let modules = modules(shape)
    guard modules.allSatisfy(\.isWhole) else {
      throw .impossible(
        key: "selfattn_lora", value: "true",
        expected:
          "false: DeBERTa v1 has one projection for queries, keys and values, of which mtl_lora cannot adapt parts",
        file: "the mtl_lora configuration")
    }
    return modules.flatMap { specs($0) + $0.gateSpecs }
  }

  func modules(_ shape: DebertaV2Configuration) -> [ProjectionModule] { projections.modules(shape) }

  func specs(_ module: ProjectionModule) -> [ParameterSpec] {
    let tensors = tensors(module)
    return [tensors.a, tensors.b, tensors.mix, tensors.values]
  }

  func factors(_ parameters: AdapterParameters, _ module: ProjectionModule, on pass: Pass) -> LowRankFactors {
    let tensors = tensors(module)
    let shares = pass.scaled(parameters[tensors.mix], by: 1 / sharpness)
    pass.softmax(shares)
    let stacked = parameters[tensors.b].reshaped(rows: upCount, columns: module.outputs * module.rank)
    let b = pass.product(shares, stacked).reshaped(rows: module.outputs, columns: module.rank)
    pass.scaleColumns(b, by: parameters[tensors.values])
    return LowRankFactors(a: parameters[tensors.a], b: b)
  }

  private func tensors(
    _ module: ProjectionModule
  ) -> (a: ParameterSpec, b: ParameterSpec, mix: ParameterSpec, values: ParameterSpec) {
    let start = projections.initialization.factors(inputs: module.inputs, rank: module.rank)
    // `adapters` initializes B to 0 whatever the initialization of A, except for 'bert'.
    let bStart = projections.initialization == .bert ? start.b : .constant(0)
    return (
      module.spec("lora_A", [module.rank, module.inputs], start.a),
      module.spec("lora_B", [upCount, module.outputs, module.rank], bStart),
      module.spec("weights", [upCount], .constant(1)),
      module.spec("task_specific.values", [module.rank], .constant(1))
    )
  }
}
