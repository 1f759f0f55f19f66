public import Tensors
public import Testing

/// A loss of any tensor: the sum of its values with fixed random weights.
public struct Projection: Sendable {
  private let seed: UInt64

  public init(seed: UInt64 = 99) { self.seed = seed }

  /// Σ y r, in float64.
  public func value(_ y: Tensor) -> Double {
    zip(y.array, weights(y)).reduce(0) { $0 + Double($1.0) * Double($1.1) }
  }

  /// The length of the terms, which the rounding of the sum is measured by.
  public func size(_ y: Tensor) -> Double {
    zip(y.array, weights(y)).reduce(0) { $0 + Double($1.0) * Double($1.0) * Double($1.1) * Double($1.1) }.squareRoot()
  }

  /// The same as a tensor [1, 1] that a tape can go back from: dy = r.
  public func loss(_ y: Tensor, on pass: Pass) -> Tensor {
    let loss = Tensor([Float(value(y))], rows: 1, columns: 1)
    let weights = weights(y)
    pass.tape?.record(loss, from: [y]) { dloss, gradients in
      guard let dy = gradients[y] else { return }
      for row in 0..<dy.rows {
        for column in 0..<dy.columns { dy[row, column] += dloss[0, 0] * weights[row * dy.columns + column] }
      }
    }
    return loss
  }

  private func weights(_ y: Tensor) -> [Float] {
    var random = RandomNumbers(seed: seed)
    return (0..<y.rows * y.columns).map { _ in random.normal() }
  }
}

extension Tensor {
  /// Writes values over the tensor's own, row after row.
  public func write(_ values: [Float]) {
    for row in 0..<rows {
      for column in 0..<columns { self[row, column] = values[row * columns + column] }
    }
  }
}

/// A gradient beside differences of the loss along one direction.
///
/// With L± = L(x ± h d) and Δ(h) = L₊ - L₋ the derivative is
///
///     (8 Δ(h) - Δ(2h)) / 12 h + O(h⁴)
///
/// The changes of x are those that float32 makes of them, so their rounding
/// is no error. The direction is half the gradient's and half random: along
/// it a gradient of many values stands out of the rounding of the loss, and
/// no value is left out.
public struct DirectionalDerivative {
  public let analytic, differences: Double
  /// The length of the products of gradient and direction, which the error is measured by.
  public let size: Double

  /// - Parameters:
  ///   - gradient: of the loss at x; nil is zero.
  ///   - length: h, the length of the shorter step.
  ///   - loss: reads x; x is changed while it is called, and as it was in the end.
  public init(
    _ gradient: Tensor?, of x: Tensor, length: Double, seed: UInt64, loss: () throws -> Double
  ) rethrows {
    let start = x.array
    let slopes = gradient?.array ?? Array(repeating: 0, count: start.count)
    let direction = Self.direction(slopes, length: length, seed: seed)
    defer { x.write(start) }
    var (differences, terms) = (0.0, Array(repeating: 0.0, count: start.count))
    for (step, factor): (Double, Double) in [(1, 8.0 / 12), (2, -1.0 / 12)] {
      for sign in [1.0, -1] {
        x.write(zip(start, direction).map { Float(Double($0) + sign * step * $1) })
        differences += sign * factor * (try loss()) / length
        for (index, value) in x.array.enumerated() {
          terms[index] += sign * factor * Double(value) * Double(slopes[index]) / length
        }
      }
    }
    self.differences = differences
    analytic = terms.reduce(0, +)
    size = terms.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }

  private static func direction(_ slopes: [Float], length: Double, seed: UInt64) -> [Double] {
    var random = RandomNumbers(seed: seed)
    let noise = slopes.map { _ in Double(random.normal()) }
    let (ofSlopes, ofNoise) = (norm(slopes.map { Double($0) }), norm(noise))
    let mixed = zip(slopes, noise).map { slope, noise in
      (ofSlopes > 0 ? Double(slope) / ofSlopes : 0) + (ofNoise > 0 ? noise / ofNoise : 0)
    }
    let whole = norm(mixed)
    return mixed.map { whole > 0 ? length * $0 / whole : 0 }
  }

  private static func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
}

/// Expects the gradient of a tensor to be what differences of the loss say.
///
/// Long steps see the curvature of the loss, short ones its rounding: of
/// several lengths the best counts. A gradient that is wrong fits none.
///
/// - Parameters:
///   - length: of the longest step.
///   - size: of the terms of the loss. An encoder's float32 values are off by
///     about 1e-6 of theirs, which differences see divided by the step.
public func expectGradient(
  _ gradient: Tensor?, of x: Tensor, length: Double, seed: UInt64 = 7, _ what: String = "",
  level: Tolerance = .gradient, size: Double = 0, sourceLocation: SourceLocation = #_sourceLocation,
  loss: () throws -> Double
) rethrows {
  var best: Comparison?
  // As much as the longest step sees of the rounding, so that small gradients are not lost in what shorter ones see.
  let rounding = 1e-6 * size / length / level.share
  for step in [length, length / 2, length / 4, length / 8, length / 16, length / 64] {
    let found = try DirectionalDerivative(gradient, of: x, length: step, seed: seed, loss: loss)
    let comparison = Comparison(
      [found.analytic], [found.differences], level, sizes: [found.size + rounding])
    if comparison.ratio < best?.ratio ?? .infinity { best = comparison }
    if comparison.isClose { return }
  }
  Issue.record("the gradient of \(what): \(best.map(\.description) ?? "")", sourceLocation: sourceLocation)
}
