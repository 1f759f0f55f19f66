internal import Checkpoints
internal import Deberta
internal import Tensors

/// PEFT's IA³: trained factors for a linear layer's outputs or, in feed-forward modules, its inputs.
///
///     y = l ⊙ (W x + b)        l [outputs, 1]
///     y = W (l ⊙ x) + b        l [1, inputs], in modules of `feedforward_modules`
///
/// Source: peft 0.21, `tuners/ia3/layer.py`, `tuners/ia3/model.py`.
struct PeftIA3: PeftMethod {
  static let type = "IA3"
  static let prefix = "ia3_"
  static let targets = ["key_proj", "value_proj", "in_proj", "output.dense"]

  private let feedForward: PeftNames?
  private let file: String

  static let fields: [MethodField] = [
    MethodField("feedforward_modules", .array([.string("output.dense")])),
    MethodField("init_ia3_weights", .bool(true), .startsOnly("true: a fresh adapter starts with factors of 1")),
    MethodField("fan_in_fan_out", .bool(false), .refused("false: the weights of a linear layer are not transposed")),
  ]

  init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    feedForward = try PeftNames("feedforward_modules", fields)
    file = fields.file
  }

  func tensors(for module: PeftModule) throws(ConfigurationError) -> [PeftTensor]? {
    guard case .linear(let inputs, let outputs) = module.kind else { return nil }
    return [PeftTensor("ia3_l", try scalesInputs(module) ? [1, inputs] : [outputs, 1], .constant(1))]
  }

  private func scalesInputs(_ module: PeftModule) throws(ConfigurationError) -> Bool {
    switch feedForward {
    case .list(let names): return names.contains { module.name.hasSuffix($0) }
    case .pattern(let pattern):
      guard let isMatch = pattern?.matches(module.name) else {
        throw .impossible(
          key: "feedforward_modules", value: "an expression that is not understood",
          expected: "a list of names, or a regular expression without look-around", file: file)
      }
      return isMatch
    case .allLinear, nil: return false
    }
  }

  func hook(_ module: PeftModule, _ tensors: PeftTensors, for layer: Linear, on pass: Pass) -> any ProjectionHook {
    let factors = tensors.row("ia3_l")
    return (try? scalesInputs(module)) == true
      ? ScaledInputs(base: layer.with(bias: nil), factors: factors) : ScaledOutputs(factors: factors, gate: nil)
  }
}

/// W (factors ⊙ x)
private struct ScaledInputs: InputHook {
  let base: Linear
  /// [1, inputs]
  let factors: Tensor

  func changed(_ x: Tensor, on pass: Pass) -> Tensor {
    let y = pass.copy(x)
    pass.scaleColumns(y, by: factors)
    return y
  }
}
