internal import Glibc

/// How the learning rate goes over a run: up during the warm-up, then by a curve.
///
/// At step s of N, counted from 0, with W steps of warm-up, the rate is
/// multiplied by
///
///     s / W                                   while s < W
///     1                                       constant
///     (N − s) / (N − W)                       linear
///     (1 + cos(π (s − W) / (N − W))) / 2      cosine
///
/// So the first step of a warm-up changes nothing, as in the reference.
///
/// Source: transformers 4.57.6, `optimization.py`,
/// `get_constant_schedule_with_warmup`, `get_linear_schedule_with_warmup`,
/// `get_cosine_schedule_with_warmup`.
public struct Schedule: Hashable, Sendable {
  /// What the rate does after the warm-up.
  public enum Curve: String, Hashable, Sendable, CaseIterable {
    case constant, linear, cosine
  }

  /// How long the rate rises.
  public enum WarmUp: Hashable, Sendable {
    case steps(Int)
    /// A share of all steps, rounded up.
    case ratio(Double)

    public static let none = WarmUp.steps(0)
  }

  public let curve: Curve
  public let warmUpSteps: Int
  public let steps: Int

  /// - Parameters:
  ///   - steps: of the whole run.
  ///   - curve: how the rate falls.
  ///   - warmUp: how the rate rises at first.
  public init(_ curve: Curve, warmUp: WarmUp = .none, steps: Int) {
    self.curve = curve
    self.steps = steps
    switch warmUp {
    case .steps(let count): warmUpSteps = count
    case .ratio(let ratio): warmUpSteps = Int((Double(steps) * ratio).rounded(.up))
    }
  }

  /// What the rate is multiplied by in a step.
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
