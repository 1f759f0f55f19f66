internal import Kernels

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

extension Pass {
  /// norm(x + residual).
  public func norm(_ x: Tensor, plus residual: Tensor? = nil, _ norm: LayerNorm) -> Tensor {
    let y = tensor(rows: x.rows, columns: x.columns)
    self.norm(x, plus: residual, norm, into: y)
    return y
  }

  /// y = norm(x + residual); y may be x.
  public func norm(_ x: Tensor, plus residual: Tensor? = nil, _ norm: LayerNorm, into y: Tensor) {
    let tape = tape(following: x, residual, norm.gain, norm.bias, y)
    let sum = tape.map { _ in self.sum(x, residual) }
    compute.forEachBlock(of: x.rows) { [kernels] rows in
      kernels.layerNorm(
        x.values.slice(rows), plus: residual?.values.slice(rows), gain: norm.gain.pointer, bias: norm.bias.pointer,
        eps: norm.eps, into: y.values.slice(rows))
    }
    changed(y)
    if let tape, let sum { record(tape, x, residual, norm, sum, y) }
  }

  /// x + residual, for the backward pass alone.
  private func sum(_ x: Tensor, _ residual: Tensor?) -> Tensor {
    let sum = tensor(rows: x.rows, columns: x.columns)
    compute.forEachBlock(of: x.rows, size: 128) { [kernels] rows in
      kernels.scale(x.values.slice(rows), by: 1, into: sum.values.slice(rows))
      if let residual {
        kernels.scale(residual.values.slice(rows), by: 1, into: sum.values.slice(rows), accumulate: true)
      }
    }
    return sum
  }

  /// With n = (x + r - mean) rstd and g = dy gain: dx = dr = rstd (g - mean(g) - n mean(g n)), dgain = Σ dy n, dbias = Σ dy.
  private func record(
    _ tape: Tape, _ x: Tensor, _ residual: Tensor?, _ norm: LayerNorm, _ sum: Tensor, _ y: Tensor
  ) {
    let isInPlace = x.storage === y.storage && x.offset == y.offset
    let (dx, dr) = (isInPlace ? nil : tape.gradient(x), tape.gradient(residual))
    let (dgain, dbias) = (tape.gradient(norm.gain), tape.gradient(norm.bias))
    let (wasTracked, gain) = (tape.tracks(y), tape.saved(norm.gain))
    tape.record(y) { [compute, kernels] dy in
      let stats = compute.tensor(rows: 1, columns: 2 * dy.rows)
      let change = compute.tensor(rows: dy.rows, columns: dy.columns)
      compute.forEachBlock(of: dy.rows) { rows in
        kernels.layerNormBackward(
          sum.values.slice(rows), gain: gain.value.pointer, eps: norm.eps, dy.values.slice(rows),
          into: change.values.slice(rows), stats: stats.pointer + 2 * rows.lowerBound)
      }
      if let dgain { compute.addNormGain(dy, sum, stats, to: dgain.values) }
      if let dbias { compute.addColumnSums(dy, to: dbias.values) }
      dr?.add { compute.add(change, to: $0, replacing: $1) }
      dx?.add { compute.add(change, to: $0, replacing: $1) }
      if isInPlace {
        compute.add(change, to: dy, replacing: true)
      } else if wasTracked {
        compute.clear(dy)
      }
    }
  }
}

extension Compute {
  /// gain [1, H] += Σ dy (x - mean) rstd. x, dy [M, H], stats [M, 2]
  fileprivate func addNormGain(_ dy: Tensor, _ x: Tensor, _ stats: Tensor, to gain: Tensor) {
    let width = 64
    threads.forEach((x.columns + width - 1) / width) { item in
      let columns = item * width..<min((item + 1) * width, x.columns)
      for row in 0..<x.rows {
        let (mean, rstd) = (stats.pointer[2 * row], stats.pointer[2 * row + 1])
        let (values, gradients) = (x.pointer + row * x.stride, dy.pointer + row * dy.stride)
        for column in columns { gain.pointer[column] += gradients[column] * (values[column] - mean) * rstd }
      }
    }
  }

  /// y += factor x, or y = factor x.
  func add(_ x: Tensor, times factor: Float = 1, to y: Tensor, replacing: Bool = false) {
    forEachBlock(of: x.rows, size: 128) { rows in
      kernels.scale(x.values.slice(rows), by: factor, into: y.values.slice(rows), accumulate: !replacing)
    }
  }

  /// x = 0.
  func clear(_ x: Tensor) {
    for row in 0..<x.rows { (x.pointer + row * x.stride).update(repeating: 0, count: x.columns) }
  }
}
