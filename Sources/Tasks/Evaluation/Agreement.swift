/// How many decisions of two runs over the same examples are the same.
public struct Agreement: Sendable, Hashable {
  public private(set) var decisions = 0
  public private(set) var same = 0

  /// The share of decisions that are the same; nil without decisions.
  public var share: Double? { decisions == 0 ? nil : Double(same) / Double(decisions) }

  /// A decision is a row, of several labels a row and label, of tagged words a word. Values and masked words decide
  /// nothing.
  ///
  /// - Precondition: both are of the same examples and labels.
  public init(_ first: Outcomes, _ second: Outcomes) {
    precondition(first.all.count == second.all.count, "\(first.all.count) and \(second.all.count) examples")
    for pair in zip(first.all, second.all) {
      switch pair {
      case (.label(let a, _, _), .label(let b, _, _)): count([a], [b])
      case (.labels(let a, _, _), .labels(let b, _, _)): count(a, b)
      case (.words(let a, _, _), .words(let b, _, _)): count(a, b)
      case (.answer(let a, _, _), .answer(let b, _, _)): count([a], [b])
      default: break
      }
    }
  }

  private mutating func count<T: Equatable>(_ first: [T], _ second: [T]) {
    precondition(first.count == second.count, "\(first.count) and \(second.count) decisions")
    decisions += first.count
    same += zip(first, second).count { $0 == $1 }
  }
}
