/// The priority class of a row.
public enum ServiceClass: String, Sendable, Hashable, Codable, CaseIterable {
  case interactive
  /// Gets what interactive rows leave, but at least a tenth of the tokens while it has rows.
  case bulk
}

/// A queue that shares tokens fairly among keys: deficit round robin.
///
/// Each key has a separate line. In its turn a key may spend its quantum of tokens, and carries the rest over to its
/// next turn while it has waiting elements; an empty line carries nothing over. Two classes share the tokens as
/// described in `ServiceClass`.
///
/// Source: Shreedhar, Varghese, "Efficient Fair Queueing Using Deficit Round Robin" (1995).
struct FairQueue<Element> {
  /// The tokens that a key of weight 1 may spend per turn.
  static var quantum: Int { 64 }

  private struct Line {
    var waiting: [(element: Element, tokens: Int)] = []
    /// The index in `waiting` of the first element not taken yet.
    var first = 0
    var deficit = 0
    /// Whether its turn has begun but not ended.
    var isInTurn = false
    var tokens = 0
    var isEmpty: Bool { first == waiting.count }
  }

  private struct Lines {
    var byKey: [String: Line] = [:]
    /// The waiting keys, in turn order.
    var turns: [String] = []
    var tokens = 0
  }

  private var classes: [ServiceClass: Lines] = [:]
  private let weights: [String: Int]
  /// The tokens owed to bulk rows.
  private var owed = 0

  /// - Parameter weights: the fair shares of keys; 1 by default.
  init(weights: [String: Int] = [:]) { self.weights = weights }

  /// The number of waiting tokens.
  var tokens: Int { classes.values.reduce(0) { $0 + $1.tokens } }

  var isEmpty: Bool { classes.values.allSatisfy(\.turns.isEmpty) }

  /// The waiting tokens of a key, in both classes.
  func tokens(of key: String) -> Int { classes.values.reduce(0) { $0 + ($1.byKey[key]?.tokens ?? 0) } }

  /// The waiting tokens of a class.
  func tokens(of service: ServiceClass) -> Int { classes[service]?.tokens ?? 0 }

  /// The waiting keys.
  var keys: Set<String> { Set(classes.values.flatMap(\.turns)) }

  mutating func append(_ element: Element, tokens: Int, key: String, _ service: ServiceClass) {
    var lines = classes[service] ?? Lines()
    if lines.byKey[key] == nil { lines.turns.append(key) }
    lines.byKey[key, default: Line()].waiting.append((element, tokens))
    lines.byKey[key]?.tokens += tokens
    lines.tokens += tokens
    classes[service] = lines
  }

  /// Takes elements in fair order within a token budget; an element that exceeds it is taken alone.
  mutating func take(budget: Int) -> [Element] {
    var taken: [Element] = []
    var left = budget
    let share = owed / 9
    if share > 0, let bulk = take(from: .bulk, budget: min(left, share), takesLonger: share > left) {
      owed -= 9 * bulk.tokens
      taken = bulk.elements
      left -= bulk.tokens
    }
    for service in ServiceClass.allCases where left > 0 {
      guard let next = take(from: service, budget: left, takesLonger: taken.isEmpty) else { continue }
      taken += next.elements
      left -= next.tokens
      if service == .interactive, !isEmpty(.bulk) { owed += next.tokens }
      if service == .bulk { owed = max(0, owed - 9 * next.tokens) }
    }
    if isEmpty(.bulk) { owed = 0 }
    return taken
  }

  private func isEmpty(_ service: ServiceClass) -> Bool { classes[service]?.turns.isEmpty ?? true }

  /// - Parameter takesLonger: whether to take the first element even if it exceeds the budget.
  private mutating func take(
    from service: ServiceClass, budget: Int, takesLonger: Bool
  ) -> (elements: [Element], tokens: Int)? {
    guard var lines = classes[service], !lines.turns.isEmpty else { return nil }
    defer { classes[service] = lines }
    var (taken, spent, isFull): ([Element], Int, Bool) = ([], 0, false)
    while !isFull, let key = lines.turns.first, var line = lines.byKey[key] {
      if !line.isInTurn { line.deficit += Self.quantum * (weights[key] ?? 1) }
      while !line.isEmpty {
        let (element, tokens) = line.waiting[line.first]
        isFull = spent + tokens > budget && !(takesLonger && taken.isEmpty)
        if isFull || tokens > line.deficit { break }
        line.deficit -= tokens
        line.tokens -= tokens
        line.first += 1
        lines.tokens -= tokens
        taken.append(element)
        spent += tokens
      }
      if line.isEmpty {
        lines.turns.removeFirst()
        lines.byKey[key] = nil
      } else {
        if line.first > 64 {
          line.waiting.removeFirst(line.first)
          line.first = 0
        }
        // A turn cut short by the budget continues in the next pass.
        line.isInTurn = isFull
        lines.byKey[key] = line
        if !isFull { lines.turns.append(lines.turns.removeFirst()) }
      }
    }
    return (taken, spent)
  }

  /// Removes unwanted elements.
  ///
  /// - Returns: the removed elements.
  mutating func remove(where isUnwanted: (Element) -> Bool) -> [Element] {
    var removed: [Element] = []
    for (service, var lines) in classes {
      for key in lines.turns {
        guard var line = lines.byKey[key] else { continue }
        let waiting = line.waiting[line.first...]
        let kept = waiting.filter { !isUnwanted($0.element) }
        guard kept.count < waiting.count else { continue }
        removed += waiting.map(\.element).filter(isUnwanted)
        let tokens = kept.reduce(0) { $0 + $1.tokens }
        lines.tokens -= line.tokens - tokens
        line.waiting = Array(kept)
        line.first = 0
        line.tokens = tokens
        lines.byKey[key] = kept.isEmpty ? nil : line
      }
      lines.turns.removeAll { lines.byKey[$0] == nil }
      classes[service] = lines
    }
    return removed
  }
}
