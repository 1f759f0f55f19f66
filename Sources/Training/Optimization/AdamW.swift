internal import Glibc
public import Tensors

/// Adam with decoupled weight decay.
///
///     p ← p · (1 − rate · weightDecay)
///     m ← m + (1 − β₁)(g − m)
///     v ← β₂ v + (1 − β₂) g²
///     p ← p − rate / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)
///
/// Source: `torch.optim.AdamW`, `torch/optim/adam.py`, `_single_tensor_adam`;
/// Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019).
public struct AdamW: UpdateRule {
  public static let name = "adamw"

  /// The decay of the mean gradient (β₁) and of the mean square (β₂).
  public var betas: (Double, Double) {
    get { (beta1, beta2) }
    set { (beta1, beta2) = newValue }
  }
  private var beta1: Double
  private var beta2: Double
  /// Added to the root of the mean square (ε).
  public var epsilon: Double
  public var weightDecay: Double

  public init(betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8, weightDecay: Double = 0.01) {
    (beta1, beta2) = betas
    self.epsilon = epsilon
    self.weightDecay = weightDecay
  }

  public func slots(for value: Tensor) -> [StateSlot] {
    ["exp_avg", "exp_avg_sq"].map { StateSlot($0, rows: value.rows, columns: value.columns) }
  }

  public func update(_ parameter: TrainedParameter, by update: Update, on compute: Compute) {
    let (value, gradient, mean, square) = (parameter.value, update.gradient, update.state[0], update.state[1])
    let row = Row(
      count: value.columns, factor: update.factor,
      keep: parameter.decays ? Float(1 - update.rate * weightDecay) : 1,
      meanShare: Float(1 - beta1), squareKeep: Float(beta2), squareShare: Float(1 - beta2),
      rootOfCorrection: Float((1 - pow(beta2, Double(update.step))).squareRoot()), epsilon: Float(epsilon),
      stepSize: Float(update.rate / (1 - pow(beta1, Double(update.step)))))
    RowBlocks(rows: value.rows, columns: value.columns).forEach(on: compute) { _, rows in
      for index in rows {
        row.update(
          value.row(index), UnsafePointer(gradient.row(index)), mean: mean.row(index), square: square.row(index))
      }
    }
  }

  /// The constants of a step.
  private struct Row {
    let count: Int
    let factor, keep, meanShare, squareKeep, squareShare, rootOfCorrection, epsilon, stepSize: Float

    func update(
      _ p: UnsafeMutablePointer<Float>, _ gradient: UnsafePointer<Float>, mean: UnsafeMutablePointer<Float>,
      square: UnsafeMutablePointer<Float>
    ) {
      // Eight at a time, because the compiler does not vectorize four possibly overlapping pointers; the bits are
      // the same.
      var first = 0
      while first + 8 <= count {
        func load(_ pointer: UnsafePointer<Float>) -> SIMD8<Float> {
          UnsafeRawPointer(pointer + first).loadUnaligned(as: SIMD8<Float>.self)
        }
        func store(_ values: SIMD8<Float>, _ pointer: UnsafeMutablePointer<Float>) {
          UnsafeMutableRawPointer(pointer + first).storeBytes(of: values, as: SIMD8<Float>.self)
        }
        let g = load(gradient) * factor
        let (m, v) = (load(mean), load(square))
        let newMean = m + meanShare * (g - m)
        let newSquare = v * squareKeep + squareShare * g * g
        store(newMean, mean)
        store(newSquare, square)
        store(
          load(p) * keep - stepSize * (newMean / (newSquare.squareRoot() / rootOfCorrection + epsilon)), p)
        first += 8
      }
      for i in first..<count {
        let g = gradient[i] * factor
        let m = mean[i] + meanShare * (g - mean[i])
        let v = square[i] * squareKeep + squareShare * g * g
        mean[i] = m
        square[i] = v
        p[i] = p[i] * keep - stepSize * (m / (v.squareRoot() / rootOfCorrection + epsilon))
      }
    }
  }
}
