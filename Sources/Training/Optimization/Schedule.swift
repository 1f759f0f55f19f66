internal import Glibc

/// The learning rate over a run: a warm-up, followed by a curve.
///
/// At step s of N, from 0, with W steps of warm-up, the rate is multiplied by
///
///     s / W                                   while s < W
///     1                                       constant
///     (N − s) / (N − W)                       linear
///     (1 + cos(π (s − W) / (N − W))) / 2      cosine
///
/// As in the reference, the first step of a warm-up changes nothing.
///
/// Source: transformers 4.57.6, `optimization.py`,
/// `get_constant_schedule_with_warmup`, `get_linear_schedule_with_warmup`,
/// `get_cosine_schedule_with_warmup`.
public struct Schedule: Hashable, Sendable {
  /// The curve after the warm-up.
  public enum Curve: String, Hashable, Sendable, CaseIterable {
    case constant, linear, cosine
  }

  /// The length of the warm-up.
  public enum WarmUp: Hashable, Sendable {
    case steps(Int)
    /// A fraction of all steps, rounded up.
    case ratio(Double)

    public static let none = WarmUp.steps(0)
  }

  public let curve: Curve
  public let warmUpSteps: Int
  public let steps: Int

  /// - Parameters:
  ///   - steps: the number of steps of the run.
  ///   - curve: the curve after the warm-up.
  ///   - warmUp: the length of the warm-up.
  public init(_ curve: Curve, warmUp: WarmUp = .none, steps: Int) {
    self.curve = curve
    self.steps = steps
    switch warmUp {
    case .steps(let count): warmUpSteps = count
    case .ratio(let ratio): warmUpSteps = Int((Double(steps) * ratio).rounded(.up))
    }
  }

  /// The factor of the rate at a step.
  ///
  /// - Parameter step: from 0.
  public func factor(at step: Int) -> Double {
    if step < warmUpSteps { return Double(step) / Double(max(1, warmUpSteps)) }
    let rest = Double(max(1, steps - warmUpSteps))
    switch curve {
    case .constant: return 1
    case .linear: return max(0, Double(steps - step) / rest)
    case .cosine: return max(0, 0.5 * (1 + cos(Double.pi * Double(step - warmUpSteps) / rest)))
    }
  }
}
