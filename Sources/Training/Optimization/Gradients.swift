internal import Glibc
public import Tensors

/// The gradients of a step: one tensor per parameter, with a common factor.
///
/// The factor is applied when the values are used, so that the tensors, which may share memory, are never modified.
public struct Gradients {
  /// In parameter order; nil if the loss does not depend on one.
  public let tensors: [Tensor?]
  /// The factor of each value.
  public let factor: Float

  public init(_ tensors: [Tensor?], factor: Float = 1) {
    self.tensors = tensors
    self.factor = factor
  }

  /// The Euclidean norm over all values of all tensors, times the factor.
  ///
  /// The squares are added in float64 in an order that depends only on the shapes: equal bits with any number of
  /// threads. The result is finite exactly if every value is.
  public func norm(on compute: Compute) -> Double {
    let squares = tensors.reduce(0) { sum, tensor in sum + (tensor.map { $0.sumOfSquares(on: compute) } ?? 0) }
    return squares.squareRoot() * Double(abs(factor))
  }

  /// The same gradients, scaled down if their norm exceeds a limit.
  ///
  /// factor · min(1, limit / (norm + 1e-6)), as `torch.nn.utils.clip_grad_norm_`.
  ///
  /// - Parameters:
  ///   - norm: the result of ``norm(on:)``.
  ///   - limit: the maximum norm.
  public func clipped(to limit: Double, norm: Double) -> Gradients {
    let scale = limit / (norm + 1e-6)
    return scale < 1 ? Gradients(tensors, factor: Float(Double(factor) * scale)) : self
  }
}

/// Accumulates gradients of several batches into the gradient of the combined batch.
///
/// If losses are means over examples (or tokens) and weights are their numbers, mean = Σ weight · gradient / Σ weight
/// is the gradient of the overall mean. A single batch is kept unchanged, bit for bit.
public struct GradientAccumulator {
  private var tensors: [Tensor?]
  private var isOwn = false
  private var weight: Double = 0

  /// - Parameter count: the number of parameters.
  public init(count: Int) { tensors = [Tensor?](repeating: nil, count: count) }

  /// Adds the gradients of a batch.
  ///
  /// - Parameters:
  ///   - gradients: the gradients of the batch's mean loss, in parameter order.
  ///   - weight: the weight of the batch; more than zero.
  ///   - compute: the kernels and threads.
  public mutating func add(_ gradients: [Tensor?], weight: Float, on compute: Compute) {
    precondition(gradients.count == tensors.count, "\(gradients.count) gradients of \(tensors.count) parameters")
    precondition(weight > 0 && weight.isFinite, "a batch cannot count \(weight) times")
    if self.weight == 0 {
      tensors = gradients
    } else {
      let held = isOwn ? 1 : Float(self.weight)
      for index in tensors.indices {
        tensors[index] = Self.sum(
          tensors[index], times: held, gradients[index], times: weight, inPlace: isOwn, on: compute)
      }
      isOwn = true
    }
    self.weight += Double(weight)
  }

  /// The gradient of the combined batch.
  public var mean: Gradients { Gradients(tensors, factor: isOwn ? Float(1 / weight) : 1) }

  /// a x + b y; nil stands for zeros. A sum with its own memory is changed in place.
  private static func sum(
    _ x: Tensor?, times a: Float, _ y: Tensor?, times b: Float, inPlace: Bool, on compute: Compute
  ) -> Tensor? {
    guard let shape = x ?? y else { return nil }
    let result: Tensor
    if inPlace, let x {
      result = x
    } else {
      result = Tensor.zeros(rows: shape.rows, columns: shape.columns)
      if let x { result.add(x, times: a, on: compute) }
    }
    if let y { result.add(y, times: b, on: compute) }
    return result
  }
}

extension Tensor {
  /// Adds factor · x, in place.
  fileprivate func add(_ x: Tensor, times factor: Float, on compute: Compute) {
    precondition(x.rows == rows && x.columns == columns, "\(x.shape) added to \(shape)")
    RowBlocks(rows: rows, columns: columns).forEach(on: compute) { _, rows in
      for row in rows {
        let (to, from) = (self.row(row), x.row(row))
        for column in 0..<columns { to[column] += factor * from[column] }
      }
    }
  }

  /// The sum of the squares, in float64.
  func sumOfSquares(on compute: Compute) -> Double {
    RowBlocks(rows: rows, columns: columns).sum(on: compute) { rows in
      var sum = 0.0
      for row in rows { sum += squares(UnsafePointer(self.row(row)), count: columns) }
      return sum
    }
  }
}

/// The sum of the squares of a row, eight lanes at a time.
private func squares(_ x: UnsafePointer<Float>, count: Int) -> Double {
  var lanes = SIMD8<Double>.zero
  var index = 0
  while index + 8 <= count {
    let values = SIMD8<Double>(UnsafeRawPointer(x + index).loadUnaligned(as: SIMD8<Float>.self))
    lanes += values * values
    index += 8
  }
  var sum = lanes.sum()
  while index < count {
    sum += Double(x[index]) * Double(x[index])
    index += 1
  }
  return sum
}
