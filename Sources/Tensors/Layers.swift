public import Kernels

/// A linear layer: y = x Wᵀ + b. W [outputs, inputs], b [outputs] or none.
public struct Linear: Sendable {
  public let weight: PackedMatrix
  /// [1, outputs]
  public let bias: Tensor?

  public var inputs: Int { weight.inputs }
  public var outputs: Int { weight.outputs }

  public init(weight: PackedMatrix, bias: Tensor?) {
    precondition(bias.map { $0.columns == weight.outputs } ?? true, "a bias of another width than the weight")
    self.weight = weight
    self.bias = bias
  }

  /// Packs a weight [outputs, inputs].
  public init(weight: Tensor, bias: Tensor? = nil, _ compute: Compute) {
    self.init(weight: compute.packed(weight), bias: bias)
  }
}

/// y = (x - mean) / sqrt(variance + eps) · gain + bias, each row by itself; the variance is the biased one.
public struct LayerNorm: Sendable {
  /// [1, features] each.
  public let gain, bias: Tensor
  public let eps: Float

  public init(gain: Tensor, bias: Tensor, eps: Float) {
    self.gain = gain
    self.bias = bias
    self.eps = eps
  }
}

extension Compute {
  /// Packs rows [outputs, inputs], split over threads.
  public func packed(_ weight: Tensor) -> PackedMatrix {
    let packed = PackedMatrix(outputs: weight.rows, inputs: weight.columns, kernels: kernels)
    let step = 4
    threads.forEach((packed.panels.panelCount + step - 1) / step) { item in
      let panels = item * step..<min((item + 1) * step, packed.panels.panelCount)
      kernels.packOutputs(
        weight.values.slice(packed.panels.outputs(of: panels)), into: packed.panels.slice(panels))
    }
    return packed
  }

  /// The rows [outputs, inputs] of a packed matrix.
  public func unpacked(_ weight: PackedMatrix) -> Tensor {
    let rows = tensor(rows: weight.outputs, columns: weight.inputs)
    weight.unpack(into: rows.values)
    return rows
  }

  /// a b, of matrices that are used once. a [M, K], b [K, N] → [M, N].
  public func product(_ a: Tensor, _ b: Tensor) -> Tensor {
    let y = tensor(rows: a.rows, columns: b.columns)
    Products.multiply(a.values, b.values, into: y.values, accumulate: false)
    return y
  }

  /// y += a b, of matrices that are used once. a [M, K], b [K, N], y [M, N].
  public func addProduct(_ a: Tensor, _ b: Tensor, to y: Tensor) {
    Products.multiply(a.values, b.values, into: y.values, accumulate: true)
  }
}
