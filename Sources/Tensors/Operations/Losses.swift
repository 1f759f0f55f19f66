internal import Glibc
internal import Kernels

// Losses [1, 1], means over what counts, in float64 inside. Source: PyTorch, `torch.nn.functional`.

/// How cross entropy, also that of each label by itself, weighs classes and spreads targets.
public struct CrossEntropyOptions: Sendable, Hashable {
  /// The share of every target that all classes have in common: 0 ..< 1.
  public var labelSmoothing: Double
  /// A weight for each class, or for the positives of each label; nil: all alike.
  public var classWeights: [Double]?

  public init(labelSmoothing: Double = 0, classWeights: [Double]? = nil) {
    self.labelSmoothing = labelSmoothing
    self.classWeights = classWeights
  }
}

extension Pass {
  /// The target that does not count.
  public static var ignoredTarget: Int32 { -100 }

  /// Cross entropy with class numbers. logits [M, K], a target for each row; `ignoredTarget` does not count.
  ///
  ///     loss = Σₘ ((1 - s) w(tₘ) (- log pₘ(tₘ)) + s / K Σₖ w(k) (- log pₘ(k))) / Σₘ w(tₘ)
  ///
  /// with p = softmax(logits), weights w and smoothing s. Without a row that counts the loss is 0.
  public func crossEntropy(_ logits: Tensor, _ targets: [Int32], _ options: CrossEntropyOptions = .init()) -> Tensor {
    precondition(targets.count == logits.rows, "\(targets.count) targets for \(logits.rows) rows")
    let (classes, smoothing) = (logits.columns, options.labelSmoothing)
    let weights = options.classWeights ?? Array(repeating: 1, count: classes)
    let counted = targets.indices.filter { targets[$0] != Self.ignoredTarget }
    let norm = counted.reduce(0.0) { $0 + weights[Int(targets[$1])] }
    var total = 0.0
    for row in counted {
      let values = logits.rows(row..<row + 1)
      let (target, bottom) = (Int(targets[row]), values.logSumExp)
      total += (1 - smoothing) * weights[target] * (bottom - Double(values[0, target]))
      if smoothing > 0 {
        let spread = (0..<classes).reduce(0.0) { $0 + weights[$1] * (bottom - Double(values[0, $1])) }
        total += smoothing / Double(classes) * spread
      }
    }
    let loss = scalar(norm > 0 ? total / norm : 0)
    guard norm > 0, let tape = tape(following: logits), let dx = tape.gradient(logits) else { return loss }
    let input = tape.saved(logits)
    tape.record(loss) { dloss in
      let (x, target) = (input.value, dx.values)
      for row in counted {
        let values = x.rows(row..<row + 1)
        let (own, bottom) = (Int(targets[row]), values.logSumExp)
        let spread = smoothing / Double(classes)
        // Each class k is a target with this share; the gradient is Σ shares · p - share(k).
        func share(_ k: Int) -> Double { spread * weights[k] + (k == own ? (1 - smoothing) * weights[k] : 0) }
        let shares = smoothing > 0 ? (0..<classes).reduce(0.0) { $0 + share($1) } : weights[own]
        let factor = Double(dloss.pointer.pointee) / norm
        for k in 0..<classes {
          target.add(Float(factor * (shares * exp(Double(values[0, k]) - bottom) - share(k))), row, k)
        }
      }
    }
    return loss
  }

  /// Binary cross entropy of each logit by itself, the mean over all of them. logits [M, K], a row of targets for each row.
  ///
  ///     loss = Σₘₖ (w(k) tₘₖ log(1 + exp(-xₘₖ)) + (1 - tₘₖ) log(1 + exp(xₘₖ))) / (M · K)
  ///
  /// `weights` is w, one for the positive targets of each column; nil: all 1.
  public func binaryCrossEntropy(
    _ logits: Tensor, _ targets: [[Bool]], positiveWeights weights: [Double]? = nil
  ) -> Tensor {
    binaryCrossEntropy(logits, probabilities: targets.map { $0.map { $0 ? 1 : 0 } }, positiveWeights: weights)
  }

  /// The same with targets from 0 to 1.
  public func binaryCrossEntropy(
    _ logits: Tensor, probabilities targets: [[Float]], positiveWeights weights: [Double]? = nil
  ) -> Tensor {
    precondition(weights.map { $0.count == logits.columns } ?? true, "a weight for each of \(logits.columns) columns")
    let count = Double(max(logits.rows * logits.columns, 1))
    var total = 0.0
    for row in 0..<logits.rows {
      for column in 0..<logits.columns {
        let x = Double(logits[row, column])
        let (target, rest) = (Double(targets[row][column]), log1p(exp(-abs(x))))
        total += (weights?[column] ?? 1) * target * (max(-x, 0) + rest) + (1 - target) * (max(x, 0) + rest)
      }
    }
    let loss = scalar(total / count)
    return recordElements(loss, logits) { x, row, column in
      let target = Double(targets[row][column])
      return ((1 - target) / (1 + exp(-x)) - (weights?[column] ?? 1) * target / (1 + exp(x))) / count
    }
  }

  /// The mean square of the differences. outputs [M, 1], a value for each row.
  public func meanSquaredError(_ outputs: Tensor, _ targets: [Float]) -> Tensor {
    precondition(outputs.columns == 1 && targets.count == outputs.rows, "\(targets.count) values for \(outputs.rows)")
    let count = Double(max(outputs.rows, 1))
    let total = targets.indices.reduce(0.0) {
      $0 + (Double(outputs[$1, 0]) - Double(targets[$1])) * (Double(outputs[$1, 0]) - Double(targets[$1]))
    }
    return recordElements(scalar(total / count), outputs) { x, row, _ in 2 * (x - Double(targets[row])) / count }
  }

  /// Cross entropy over the rows of each run: which of them is the right one. scores [M, 1]; nil does not count.
  public func crossEntropy(_ scores: Tensor, over runs: [Range<Int>], _ targets: [Int?]) -> Tensor {
    let counted = runs.indices.filter { targets[$0] != nil && !runs[$0].isEmpty }
    func bottom(_ x: Tensor, _ run: Range<Int>) -> Double {
      let top = run.reduce(-Double.infinity) { max($0, Double(x[$1, 0])) }
      return top + log(run.reduce(0.0) { $0 + exp(Double(x[$1, 0]) - top) })
    }
    let total = counted.reduce(0.0) { sum, index in
      sum + bottom(scores, runs[index]) - Double(scores[runs[index].lowerBound + (targets[index] ?? 0), 0])
    }
    let loss = scalar(counted.isEmpty ? 0 : total / Double(counted.count))
    guard let tape = tape(following: scores), let dx = tape.gradient(scores) else { return loss }
    let input = tape.saved(scores)
    tape.record(loss) { dloss in
      let (x, target) = (input.value, dx.values)
      let factor = Double(dloss.pointer.pointee) / Double(max(counted.count, 1))
      for index in counted {
        let (run, own) = (runs[index], runs[index].lowerBound + (targets[index] ?? 0))
        let bottom = bottom(x, run)
        for row in run {
          target.add(Float(factor * (exp(Double(x[row, 0]) - bottom) - (row == own ? 1 : 0))), row, 0)
        }
      }
    }
    return loss
  }

  /// The sum of losses, each with its weight.
  public func weightedSum(_ losses: [(loss: Tensor, weight: Float)]) -> Tensor {
    let sum = scalar(0)
    for (loss, weight) in losses { add(loss, times: weight, to: sum) }
    return sum
  }

  private func scalar(_ value: Double) -> Tensor {
    let scalar = tensor(rows: 1, columns: 1)
    scalar[0, 0] = Float(value)
    return scalar
  }

  /// Records a loss of single elements by their derivatives.
  private func recordElements(
    _ loss: Tensor, _ x: Tensor, _ derivative: @escaping (Double, Int, Int) -> Double
  ) -> Tensor {
    guard let tape = tape(following: x), let dx = tape.gradient(x) else { return loss }
    let input = tape.saved(x)
    tape.record(loss) { dloss in
      let (x, target) = (input.value, dx.values)
      for row in 0..<x.rows {
        for column in 0..<x.columns {
          let value = derivative(Double(x[row, column]), row, column)
          target.add(Float(Double(dloss.pointer.pointee) * value), row, column)
        }
      }
    }
    return loss
  }
}

extension Tensor {
  /// log Σ exp(x) of the first row.
  fileprivate var logSumExp: Double {
    var top = -Double.infinity
    for column in 0..<columns { top = max(top, Double(self[0, column])) }
    var sum = 0.0
    for column in 0..<columns { sum += exp(Double(self[0, column]) - top) }
    return top + log(sum)
  }
}
