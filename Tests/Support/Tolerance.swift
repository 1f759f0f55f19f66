public import Testing

/// How far a value may be from what is expected.
///
/// Levels from measurement: float32 against float64 through the 12
/// layers of a base-size DeBERTa-v2 differ by 3.3e-6 at most, on values of
/// rms 1. Loosening a level is a change to this file with a reason.
public enum Tolerance: String, Sendable {
  /// The same code in the same order: equal bits.
  case exact
  /// One kernel against its definition.
  case op
  /// A whole encoder against the reference, or one way of computing it against another.
  case model
  /// What is rounded to bfloat16 or eight bits against what is not: a value in some hundreds, here and there more in sums
  /// of many.
  case rounded
  /// A gradient against PyTorch's.
  case gradient
  /// A gradient against differences of a loss that is steep and curved, so that long steps leave the tangent before
  /// short ones are clear of rounding: that of a fusion's queries and keys is 2.9e-3 of its terms off, measured.
  case steepGradient
  /// A loss against PyTorch's.
  case loss
  /// A weight after some optimiser steps against PyTorch's.
  case trained

  /// What an error may be, where the expected value is of some size.
  func allowance(_ size: Double) -> Double {
    switch self {
    case .exact: 0
    case .op: 1e-6 + 1e-5 * size
    case .model: 2e-5 + 1e-4 * size
    case .rounded: 1e-3 + 0.1 * size
    case .gradient: 1e-5 + 1e-3 * size
    case .steepGradient: 1e-5 + 5e-3 * size
    case .loss: 1e-5 * size
    case .trained: 2e-5 + 1e-3 * size
    }
  }
}

extension Tolerance {
  /// What an error may be for each unit of a large expected value.
  var share: Double { allowance(1) - allowance(0) }
}

/// How the values of a result compare with expected ones.
public struct Comparison: CustomStringConvertible, Sendable {
  /// The largest error as a multiple of what the level allows; infinite where a value is not finite or missing.
  public private(set) var ratio = 0.0
  private let level: Tolerance
  private var worst: (index: Int, ours: Double, expected: Double)?
  private var largest = 0.0
  private var squares = 0.0
  private var off = 0
  private let counts: (ours: Int, expected: Int)

  /// - Parameter sizes: what each expected value is measured by, where it is a
  ///   difference of larger ones: the sum of the absolute terms.
  public init<Ours: BinaryFloatingPoint, Expected: BinaryFloatingPoint>(
    _ ours: [Ours], _ expected: [Expected], _ level: Tolerance, sizes: [Double]? = nil
  ) {
    self.level = level
    counts = (ours.count, expected.count)
    if ours.count != expected.count { ratio = .infinity }
    for (index, pair) in zip(ours, expected).enumerated() {
      let (a, b) = (Double(pair.0), Double(pair.1))
      if a.bitPattern == b.bitPattern { continue }
      let error = abs(a - b)
      let allowed = level.allowance(sizes?[index] ?? abs(b))
      let own = error.isFinite && allowed > 0 ? error / allowed : .infinity
      squares += error * error
      largest = max(largest, error)
      if own > 1 { off += 1 }
      if own > ratio || worst == nil {
        ratio = max(ratio, own)
        worst = (index, a, b)
      }
    }
  }

  /// Whether every value is as close as the level asks.
  public var isClose: Bool { ratio <= 1 }

  /// Whether some value is far off, by a hundred times the level or more.
  public var isFarOff: Bool { counts.ours == counts.expected && ratio >= 100 }

  public var description: String {
    guard counts.ours == counts.expected else { return "\(counts.ours) values, expected \(counts.expected)" }
    guard let worst else { return "all \(counts.ours) values have equal bits" }
    let rms = (squares / Double(counts.ours)).squareRoot()
    return "\(off) of \(counts.ours) values are off; the worst is [\(worst.index)]: \(worst.ours), expected "
      + "\(worst.expected), \(ratio) times the level '\(level.rawValue)'; max error \(largest), rms \(rms)"
  }
}

/// Expects values to be as close as a level says.
public func expectClose<Ours: BinaryFloatingPoint, Expected: BinaryFloatingPoint>(
  _ ours: [Ours], _ expected: [Expected], _ level: Tolerance, sizes: [Double]? = nil, _ what: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let comparison = Comparison(ours, expected, level, sizes: sizes)
  if !comparison.isClose { Issue.record("\(what) \(comparison)", sourceLocation: sourceLocation) }
}

/// Expects values to differ clearly, so that what is said about their agreement elsewhere says something.
public func expectFarOff<Ours: BinaryFloatingPoint, Expected: BinaryFloatingPoint>(
  _ ours: [Ours], _ others: [Expected], by level: Tolerance = .model, _ what: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let comparison = Comparison(ours, others, level)
  if !comparison.isFarOff {
    Issue.record("\(what) hardly differ: \(comparison)", sourceLocation: sourceLocation)
  }
}
