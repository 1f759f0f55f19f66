internal import Checkpoints
internal import Deberta
internal import Tensors

/// OFT: rotates a linear layer's input, block by block.
///
///     y = W Rᵀ x + b        R block-diagonal of (I - S)(I + S)⁻¹, S skew-symmetric
///
/// S is stored as the entries above its diagonal. With `use_cayley_neumann` the inverse is a truncated series; with
/// `coft` each S is shrunk to the norm eps / √blocks; with `block_share` all blocks share one R.
///
/// Source: Qiu et al., "Controlling Text-to-Image Diffusion by Orthogonal Finetuning" (2023); peft 0.21,
/// `tuners/oft/layer.py`.
struct OFT: PeftMethod {
  static let type = "OFT"
  static let prefix = "oft_R"

  private let blocks, blockSize: Int
  private let isShared: Bool
  /// The norm to which a block's S is shrunk, times √blocks.
  private let limit: Float?
  /// The number of terms of the series; nil: the exact inverse.
  private let terms: Int?
  private let file: String

  static let fields: [MethodField] = [
    MethodField("r", .integer(0)), MethodField("oft_block_size", .integer(32)), MethodField("bias", .string("none")),
    MethodField("coft", .bool(false)), MethodField("eps", .number(6e-5)), MethodField("block_share", .bool(false)),
    MethodField("use_cayley_neumann", .bool(true)), MethodField("num_cayley_neumann_terms", .integer(5)),
    MethodField("module_dropout", .integer(0), .startsOnly("0: it is not trained with")),
    MethodField("init_weights", .bool(true), .startsOnly("true: a fresh adapter starts without effect")),
    MethodField("fan_in_fan_out", .bool(false), .refused("false: the weights of a linear layer are not transposed")),
  ]

  init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    blocks = try fields.whole("r", in: 0...1 << 24)
    let given = try fields.whole("oft_block_size", in: 0...1 << 24)
    blockSize = blocks > 0 ? 0 : given
    if blocks == 0, given == 0 { throw fields.impossible("oft_block_size", "0", "1 or more, because r is 0") }
    isShared = try fields.flag("block_share")
    limit = try fields.flag("coft") ? fields.real("eps") : nil
    terms = try fields.flag("use_cayley_neumann") ? fields.whole("num_cayley_neumann_terms", in: 1...1000) : nil
    file = fields.file
  }

  func tensors(for module: PeftModule) throws(ConfigurationError) -> [PeftTensor]? {
    guard case .linear(let inputs, _) = module.kind else { return nil }
    let size = size(inputs)
    return [
      PeftTensor("oft_R.weight", [isShared ? 1 : inputs / size, size * (size - 1) / 2], .constant(0))
    ]
  }

  /// The size of a block: the requested one, or the closest divisor of the inputs.
  private func size(_ inputs: Int) -> Int {
    func nearest(_ wanted: Int) -> Int {
      if wanted >= inputs { return inputs }
      let above = (wanted...inputs).first { inputs % $0 == 0 } ?? inputs
      let below = (1...wanted).last { inputs % $0 == 0 } ?? 1
      return wanted - below <= above - wanted ? below : above
    }
    return blocks > 0 ? inputs / nearest(blocks) : nearest(blockSize)
  }

  func hook(_ module: PeftModule, _ tensors: PeftTensors, for layer: Linear, on pass: Pass) -> any ProjectionHook {
    let stored = tensors["oft_R.weight"]
    let size = size(layer.inputs)
    let rotations = (0..<stored.rows).map { block -> Tensor in
      // A block of size 1 is not rotated.
      guard size > 1 else { return Tensor([1], rows: 1, columns: 1) }
      let own = stored.rows(block..<block + 1)
      let values = limit.map { shrunk(own, to: $0 / Float(stored.rows).squareRoot(), on: pass) } ?? own
      return rotation(pass.skewSymmetric(values, size: size), on: pass)
    }
    return RotatedInput(base: layer.with(bias: nil), rotations: rotations, size: size)
  }

  /// The entries above the diagonal of S [1, n], scaled down if the norm of S, √2 times theirs, exceeds a limit.
  private func shrunk(_ values: Tensor, to limit: Float, on pass: Pass) -> Tensor {
    let length = pass.rowNorms(values)
    let longest = limit / Float(2).squareRoot()
    if length[0, 0] <= longest { return values }
    let own = pass.copy(values)
    pass.scale(own, by: pass.quotient(Tensor([longest], rows: 1, columns: 1), length))
    return own
  }

  /// (I - S)(I + S)⁻¹, or I + 2 S + 2 S² + ... with factor 1 for the last term.
  private func rotation(_ skew: Tensor, on pass: Pass) -> Tensor {
    guard let terms else { return pass.cayley(skew) }
    let sum = Tensor.identity(skew.rows)
    if terms == 1 { return sum }
    pass.add(skew, times: 2, to: sum)
    if terms == 2 { return sum }
    var power = pass.product(skew, skew)
    pass.add(power, times: 2, to: sum)
    // As in PEFT: with three terms the series ends with S³, as with four.
    for _ in 3..<max(terms - 1, 3) {
      power = pass.product(power, skew)
      pass.add(power, times: 2, to: sum)
    }
    pass.addProduct(power, skew, to: sum)
    return sum
  }
}

extension Pass {
  /// (I - S)(I + S)⁻¹ of a skew-symmetric S, a rotation.
  func cayley(_ skew: Tensor) -> Tensor {
    let (plus, minus) = (Tensor.identity(skew.rows), Tensor.identity(skew.rows))
    add(skew, to: plus)
    add(skew, times: -1, to: minus)
    return product(minus, inverse(plus))
  }
}

extension Tensor {
  /// The identity matrix [size, size].
  static func identity(_ size: Int) -> Tensor {
    Tensor((0..<size * size).map { $0 / size == $0 % size ? 1 : 0 }, rows: size, columns: size)
  }
}

/// x R, block by block; a single R applies to all blocks.
private struct RotatedInput: InputHook {
  let base: Linear
  let rotations: [Tensor]
  let size: Int

  func changed(_ x: Tensor, on pass: Pass) -> Tensor {
    let y = pass.tensor(rows: x.rows, columns: x.columns)
    for (block, first) in stride(from: 0, to: x.columns, by: size).enumerated() {
      let rotation = rotations[min(block, rotations.count - 1)]
      pass.copy(pass.product(x.columns(first..<first + size), rotation), into: y.columns(first..<first + size))
    }
    return y
  }
}
