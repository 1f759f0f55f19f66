internal import Checkpoints
internal import Deberta
internal import Tensors

/// HRA: reflects a linear layer's input at several hyperplanes.
///
///     y = W H₁ ... H_r x + b        H = I - 2 u uᵀ / uᵀu, u the columns of U [inputs, r]
///
/// The product is I - U T Uᵀ, where T⁻¹ is the part of UᵀU above its diagonal plus half of the diagonal. With
/// `apply_GS` U is orthonormalized first: T = 2 (UᵀU)⁻¹. Either way the update of W x has rank r.
///
/// Source: Yuan et al., "Bridging The Gap between Low-rank and Orthogonal Adaptation via Householder Reflection
/// Adaptation" (2024); peft 0.21, `tuners/hra/layer.py`.
struct HRA: PeftMethod {
  static let type = "HRA"
  static let prefix = "hra_"

  private let rank: Int
  private let isOrthogonal: Bool

  static let fields: [MethodField] = [
    MethodField("r", .integer(8)), MethodField("apply_GS", .bool(false)), MethodField("bias", .string("none")),
    MethodField("init_weights", .bool(true), .startsOnly("true: a fresh adapter starts with equal pairs")),
  ]

  init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    rank = try fields.whole("r", in: 1...1 << 16)
    isOrthogonal = try fields.flag("apply_GS")
  }

  func tensors(for module: PeftModule) -> [PeftTensor]? {
    guard case .linear(let inputs, _) = module.kind else { return nil }
    return [
      PeftTensor("hra_u", [inputs, rank], .pairedColumns(bound: 1 / Float(max(rank / 2, 1)).squareRoot()))
    ]
  }

  func hook(_ module: PeftModule, _ tensors: PeftTensors, for layer: Linear, on pass: Pass) -> any ProjectionHook {
    let u = tensors["hra_u"]
    let rows = pass.transposed(u)
    let products = pass.product(rows, u)
    let middle =
      isOrthogonal
      ? pass.scaled(pass.inverse(products), by: 2)
      : pass.inverse(
        pass.elementProduct(
          products,
          Tensor(
            (0..<rank * rank).map { $0 / rank == $0 % rank ? 0.5 : $0 / rank < $0 % rank ? 1 : 0 }, rows: rank,
            columns: rank)))
    let base = layer.with(bias: nil)
    let left = pass.scaled(pass.transposed(pass.linear(rows, base)), by: -1)
    return ReflectedInput(
      base: base, a: pass.layer(weight: pass.product(middle, rows)), back: pass.layer(weight: pass.scaled(u, by: -1)),
      left: LeftFactor(left, on: pass))
  }
}

/// x (W (I - U T Uᵀ))ᵀ = x Wᵀ - (x U Tᵀ) (W U)ᵀ
private struct ReflectedInput: InputHook, LowRankHook {
  let base: Linear
  /// T Uᵀ [r, inputs], as a layer
  let a: Linear
  /// - U [inputs, r], as a layer
  let back: Linear
  /// - W U
  let left: LeftFactor

  var isTokenwise: Bool { true }
  var changesWeights: Bool { true }

  func right(_ x: Tensor, at site: Site, on pass: Pass) -> Tensor { pass.linear(x, a) }

  func changed(_ x: Tensor, on pass: Pass) -> Tensor {
    let y = pass.copy(x)
    pass.addLinear(pass.linear(x, a), back, to: y)
    return y
  }

  func adapt(_ y: Tensor, input x: Tensor, at site: Site, on pass: Pass) {
    pass.addLinear(right(x, at: site, on: pass), left.layer, to: y)
  }
}
