internal import Glibc
public import Tensors

/// Adafactor: stores the mean square of a matrix factored into a row and a column.
///
/// With β = 1 − step^decayRate, for a matrix:
///
///     r ← β r + (1 − β) mean over columns of (g² + ε₁)      [rows]
///     c ← β c + (1 − β) mean over rows of (g² + ε₁)         [columns]
///     u ← g / √(r / mean(r)) / √c
///     u ← rate · u / max(1, rms(u) / clipThreshold)
///     p ← p − rate · weightDecay · p − u
///
/// A vector keeps its full mean square. With ``beta1``, the mean of u is subtracted from p instead of u. A kernel with
/// more than two dimensions is treated as the matrix that stores it.
///
/// Source: transformers 4.57.6, `optimization.py`, `Adafactor`; Shazeer and
/// Stern, "Adafactor" (2018).
public struct Adafactor: UpdateRule {
  public static let name = "adafactor"

  /// ε₁, added to squares.
  public var epsilon: Double
  /// ε₂, the minimum size of a parameter for ``scalesByParameter``.
  public var parameterEpsilon: Double
  /// The maximum size (rms) of an update; larger ones are scaled down.
  public var clipThreshold: Double
  public var decayRate: Double
  /// The decay of the mean update; nil to use updates directly.
  public var beta1: Double?
  public var weightDecay: Double
  /// Whether to multiply the rate by the size (rms) of the parameter.
  public var scalesByParameter: Bool
  /// Whether to use min(0.01, 1 / √step) instead of the rate.
  public var usesRelativeStep: Bool

  public init(
    epsilon: Double = 1e-30, parameterEpsilon: Double = 1e-3, clipThreshold: Double = 1, decayRate: Double = -0.8,
    beta1: Double? = nil, weightDecay: Double = 0, scalesByParameter: Bool = false, usesRelativeStep: Bool = false
  ) {
    self.epsilon = epsilon
    self.parameterEpsilon = parameterEpsilon
    self.clipThreshold = clipThreshold
    self.decayRate = decayRate
    self.beta1 = beta1
    self.weightDecay = weightDecay
    self.scalesByParameter = scalesByParameter
    self.usesRelativeStep = usesRelativeStep
  }

  public func slots(for value: Tensor) -> [StateSlot] {
    let isVector = value.rows == 1 || value.columns == 1
    let squares =
      isVector
      ? [StateSlot("exp_avg_sq", rows: value.rows, columns: value.columns)]
      : [
        StateSlot("exp_avg_sq_row", rows: 1, columns: value.rows),
        StateSlot("exp_avg_sq_col", rows: 1, columns: value.columns),
      ]
    return beta1 == nil ? squares : squares + [StateSlot("exp_avg", rows: value.rows, columns: value.columns)]
  }

  public func update(_ parameter: TrainedParameter, by update: Update, on compute: Compute) {
    let value = parameter.value
    let isVector = value.rows == 1 || value.columns == 1
    let keep = Float(1 - pow(Double(update.step), decayRate))
    let squares = Squares(gradient: update.gradient, factor: update.factor, epsilon: Float(epsilon), keep: keep)
    let scale =
      isVector
      ? squares.whole(update.state[0]) : squares.factored(update.state[0], update.state[1], on: compute)

    let count = Double(value.rows * value.columns)
    var rate = usesRelativeStep ? min(1e-2, 1 / Double(update.step).squareRoot()) : update.rate
    if scalesByParameter {
      rate *= max(parameterEpsilon, (value.sumOfSquares(on: compute) / count).squareRoot())
    }
    let rms = (scale.sumOfSquares(on: compute) / count).squareRoot()
    apply(
      scale, times: Float(rate / max(1, rms / clipThreshold)),
      keeping: parameter.decays ? Float(1 - weightDecay * rate) : 1,
      mean: beta1 == nil ? nil : update.state.last, to: value, on: compute)
  }

  /// p ← keep · p − factor · u, or minus the mean of factor · u.
  private func apply(
    _ direction: Direction, times factor: Float, keeping keep: Float, mean: Tensor?, to value: Tensor,
    on compute: Compute
  ) {
    let meanKeep = Float(beta1 ?? 0)
    let meanShare = Float(1 - (beta1 ?? 0))
    RowBlocks(rows: value.rows, columns: value.columns).forEach(on: compute) { _, rows in
      for row in rows {
        let p = value.row(row)
        let m = mean?.row(row)
        direction.forEach(in: row) { column, u in
          var step = factor * u
          if let m {
            step = meanKeep * m[column] + meanShare * step
            m[column] = step
          }
          p[column] = keep * p[column] - step
        }
      }
    }
  }
}

/// The mean squares of a gradient, and the normalized gradient.
private struct Squares {
  let gradient: Tensor
  let factor: Float
  let epsilon: Float
  let keep: Float

  /// - Parameter mean: the mean square of every value, updated in place.
  func whole(_ mean: Tensor) -> Direction {
    for row in 0..<gradient.rows {
      let (g, v) = (gradient.row(row), mean.row(row))
      for column in 0..<gradient.columns {
        let value = g[column] * factor
        v[column] = keep * v[column] + (1 - keep) * (value * value + epsilon)
      }
    }
    return Direction(gradient: gradient, factor: factor, squares: mean, rows: [], columns: [])
  }

  /// - Parameters:
  ///   - rowMeans: [1, rows], updated in place.
  ///   - columnMeans: [1, columns], updated in place.
  func factored(_ rowMeans: Tensor, _ columnMeans: Tensor, on compute: Compute) -> Direction {
    let (rows, columns) = (gradient.rows, gradient.columns)
    let blocks = RowBlocks(rows: rows, columns: columns, limit: 64)
    let parts = BlockSums(blocks: blocks.count, columns: columns)
    // Each call writes the sums of its block and the means of its rows.
    blocks.forEach(on: compute) { block, rows in
      let columnSums = parts[block]
      for row in rows {
        let g = gradient.row(row)
        var sum = 0.0
        for column in 0..<columns {
          let value = g[column] * factor
          let square = Double(value * value + epsilon)
          sum += square
          columnSums[column] += square
        }
        let mean = rowMeans.pointer + row
        mean.pointee = keep * mean.pointee + (1 - keep) * Float(sum / Double(columns))
      }
    }
    for column in 0..<columns {
      let mean = columnMeans.pointer + column
      mean.pointee = keep * mean.pointee + (1 - keep) * Float(parts.total(ofColumn: column) / Double(rows))
    }
    let mean = (0..<rows).reduce(0.0) { $0 + Double(rowMeans.pointer[$1]) } / Double(rows)
    return Direction(
      gradient: gradient, factor: factor, squares: nil,
      rows: (0..<rows).map { 1 / (rowMeans.pointer[$0] / Float(mean)).squareRoot() },
      columns: (0..<columns).map { 1 / columnMeans.pointer[$0].squareRoot() })
  }
}

/// u: the gradient divided by the root of its mean square.
private struct Direction {
  let gradient: Tensor
  let factor: Float
  /// The mean square of every value, if stored in full.
  let squares: Tensor?
  /// The row and column factors, if factored.
  let rows: [Float]
  let columns: [Float]

  /// Calls `body` with each column of a row and its u.
  @inline(__always)
  func forEach(in row: Int, _ body: (Int, Float) -> Void) {
    let g = gradient.row(row)
    if let v = squares?.row(row) {
      for column in 0..<gradient.columns { body(column, 1 / v[column].squareRoot() * (g[column] * factor)) }
    } else {
      let scale = rows[row]
      columns.withUnsafeBufferPointer { columns in
        for column in 0..<gradient.columns { body(column, scale * columns[column] * (g[column] * factor)) }
      }
    }
  }

  func sumOfSquares(on compute: Compute) -> Double {
    RowBlocks(rows: gradient.rows, columns: gradient.columns).sum(on: compute) { rows in
      var sum = 0.0
      for row in rows { forEach(in: row) { _, u in sum += Double(u) * Double(u) } }
      return sum
    }
  }
}
