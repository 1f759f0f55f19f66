public import Tensors

/// Gradient descent with momentum.
///
///     d ← g + weightDecay · p
///     b ← momentum · b + d
///     p ← p − rate · b
///
/// Unlike in ``AdamW``, weight decay is part of the gradient.
///
/// Source: `torch.optim.SGD`, `torch/optim/sgd.py`, without dampening.
public struct MomentumSGD: UpdateRule {
  public static let name = "sgd"

  /// The fraction of the last step that is kept; 0 for none.
  public var momentum: Double
  public var weightDecay: Double

  public init(momentum: Double = 0.9, weightDecay: Double = 0) {
    self.momentum = momentum
    self.weightDecay = weightDecay
  }

  public func slots(for value: Tensor) -> [StateSlot] {
    momentum == 0 ? [] : [StateSlot("momentum_buffer", rows: value.rows, columns: value.columns)]
  }

  public func update(_ parameter: TrainedParameter, by update: Update, on compute: Compute) {
    let (value, gradient) = (parameter.value, update.gradient)
    let (factor, rate, momentum) = (update.factor, Float(update.rate), Float(momentum))
    let decay = parameter.decays ? Float(weightDecay) : 0
    let buffer = update.state.first
    RowBlocks(rows: value.rows, columns: value.columns).forEach(on: compute) { _, rows in
      for row in rows {
        let (p, g) = (value.row(row), gradient.row(row))
        if let b = buffer?.row(row) {
          for i in 0..<value.columns {
            b[i] = momentum * b[i] + (g[i] * factor + decay * p[i])
            p[i] -= rate * b[i]
          }
        } else {
          for i in 0..<value.columns { p[i] -= rate * (g[i] * factor + decay * p[i]) }
        }
      }
    }
  }
}
