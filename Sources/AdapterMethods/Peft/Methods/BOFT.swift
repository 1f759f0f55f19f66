internal import Checkpoints
internal import Deberta
internal import Tensors

/// BOFT: rotates a linear layer's input by a product of sparse rotations, and scales each output.
///
///     y = s ⊙ (W Qᵀ x) + b        Q = P_m R_m P_mᵀ ... P₁ R₁ P₁ᵀ
///
/// R is block-diagonal, with Cayley transforms of (X - Xᵀ) / 2; P is a butterfly permutation. Without its CUDA
/// extension PEFT makes a single factor, whatever the settings; the tensor's shape gives the actual number.
///
/// Source: Liu et al., "Parameter-Efficient Orthogonal Finetuning via Butterfly Factorization" (2024); peft 0.21,
/// `tuners/boft/layer.py`.
struct BOFT: PeftMethod {
  static let type = "BOFT"
  static let prefix = "boft_"

  private let blockSize, blockCount: Int
  private let file: String

  static let fields: [MethodField] = [
    MethodField("boft_block_size", .integer(4)), MethodField("boft_block_num", .integer(0)),
    // The tensors define the number of factors.
    MethodField("boft_n_butterfly_factor", .integer(1), .startsOnly("1: a fresh adapter has one factor")),
    MethodField("bias", .string("none")),
    MethodField("boft_dropout", .integer(0), .startsOnly("0: it is not trained with")),
    MethodField("init_weights", .bool(true), .startsOnly("true: a fresh adapter starts without effect")),
    MethodField("fan_in_fan_out", .bool(false), .refused("false: the weights of a linear layer are not transposed")),
  ]

  init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    blockCount = try fields.whole("boft_block_num", in: 0...1 << 24)
    let given = try fields.whole("boft_block_size", in: 0...1 << 24)
    blockSize = blockCount > 0 ? 0 : given
    if blockCount == 0, given == 0 {
      throw fields.impossible("boft_block_size", "0", "1 or more, because boft_block_num is 0")
    }
    file = fields.file
  }

  func tensors(for module: PeftModule) throws(ConfigurationError) -> [PeftTensor]? {
    guard case .linear(let inputs, let outputs) = module.kind else { return nil }
    let divisor = max(blockSize, blockCount)
    guard inputs % divisor == 0 else {
      throw .impossible(
        key: blockSize > 0 ? "boft_block_size" : "boft_block_num", value: "\(divisor)",
        expected: "a divisor of \(inputs), the inputs of '\(module.name)'", file: file)
    }
    let size = blockSize > 0 ? blockSize : inputs / blockCount
    let factors = module.held?["boft_R"]?.first ?? 1
    guard factors == 1 || factors > 1 && factors < 32 && inputs % (size << (factors - 1)) == 0 && size % 2 == 0 else {
      throw .impossible(
        key: "boft_n_butterfly_factor", value: "\(factors) by the tensors of '\(module.name)'",
        expected: "as many as blocks of \(size) of its \(inputs) inputs can be mixed by", file: file)
    }
    return [
      PeftTensor("boft_R", [factors, inputs / size, size, size], .constant(0)),
      PeftTensor("boft_s", [outputs, 1], .constant(1)),
    ]
  }

  func hook(_ module: PeftModule, _ tensors: PeftTensors, for layer: Linear, on pass: Pass) -> any ProjectionHook {
    let stored = tensors["boft_R"]
    let (inputs, size) = (layer.inputs, stored.columns)
    let factors = stored.rows / inputs
    var rotation = Tensor.identity(inputs)
    for factor in 0..<factors {
      let order = Self.permutation(inputs, blocks: (inputs / size) >> factor, half: size / 2, isFirst: factors == 1)
      var inverse = order
      for (place, index) in order.enumerated() { inverse[index] = place }
      // P has a 1 at (i, order[i]): Pᵀ M has row inverse[i] of M at i, P M row order[i].
      let mixed = pass.gather(rotation, rows: inverse.map { $0 })
      let rotated = pass.tensor(rows: inputs, columns: inputs)
      for first in stride(from: 0, to: inputs, by: size) {
        let own = stored.rows(factor * inputs + first..<factor * inputs + first + size)
        let skew = pass.scaled(own, by: 0.5)
        pass.add(pass.transposed(own), times: -0.5, to: skew)
        pass.copy(
          pass.product(pass.cayley(skew), mixed.rows(first..<first + size)), into: rotated.rows(first..<first + size))
      }
      rotation = pass.gather(rotated, rows: order.map { $0 })
    }
    return MappedInput(
      base: layer.with(bias: nil), matrix: pass.layer(weight: pass.transposed(rotation)),
      outputs: RescaledOutputs(factors: tensors.row("boft_s"), bias: layer.bias, on: pass))
  }

  /// The blocks mixed by a factor: PEFT's `block_butterfly_perm`.
  private static func permutation(_ size: Int, blocks: Int, half: Int, isFirst: Bool) -> [Int] {
    if isFirst { return Array(0..<size) }
    let width = size / blocks
    let steps = width / half
    let within = (Array(stride(from: 0, to: steps, by: 2)) + Array(stride(from: 1, to: steps, by: 2))).flatMap {
      Array($0 * half..<($0 + 1) * half)
    }
    return stride(from: 0, to: size, by: width).flatMap { start in within.map { start + $0 } }
  }
}

/// x M
private struct MappedInput: InputHook {
  let base: Linear
  /// Mᵀ
  let matrix: Linear
  let outputs: (any ProjectionHook)?

  var changesWeights: Bool { true }

  func changed(_ x: Tensor, on pass: Pass) -> Tensor { pass.linear(x, matrix) }
}

/// factors ⊙ (y - b) + b
private struct RescaledOutputs: ProjectionHook {
  /// [1, outputs]
  private let factors: Tensor
  /// b - factors ⊙ b
  private let shift: AddedBias?

  var isTokenwise: Bool { true }

  init(factors: Tensor, bias: Tensor?, on pass: Pass) {
    self.factors = factors
    shift = bias.map { bias in
      let scaled = pass.copy(bias)
      pass.scaleColumns(scaled, by: factors)
      return AddedBias(from: scaled, to: bias, on: pass)
    }
  }

  func adapt(_ y: Tensor, input x: Tensor, at site: Site, on pass: Pass) {
    pass.scaleColumns(y, by: factors)
    shift?.adapt(y, input: x, at: site, on: pass)
  }
}
