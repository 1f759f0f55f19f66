extension TagScheme {
  /// What tags are that break their scheme.
  public enum Reading: String, Sendable, CaseIterable {
    /// They begin entities, too, as ``TagScheme/entities(_:)`` reads them.
    case lenient
    /// An entity is `B` and the `I` of its kind that follow; where the scheme marks ends, also an `L` at its end, or a
    /// `U`. Everything else is outside.
    ///
    /// Source: seqeval, `mode="strict"`.
    case strict
  }

  /// The entities of a sentence, in order.
  ///
  /// - Parameters:
  ///   - labels: the number of each word's label.
  ///   - reading: what tags are that break their scheme.
  public func entities(_ labels: [Int], reading: Reading) -> [Entity] {
    reading == .lenient ? entities(labels) : strictEntities(labels)
  }

  /// Whether some label ends an entity.
  private var marksEnds: Bool { tags.contains { $0.place == .end || $0.place == .single } }

  private func strictEntities(_ labels: [Int]) -> [Entity] {
    var entities: [Entity] = []
    var word = 0
    while word < labels.count {
      let first = tags[labels[word]]
      let start = word
      word += 1
      if first.place == .single { entities.append(Entity(kind: first.kind, words: start..<word)) }
      guard first.place == .begin else { continue }
      var isClosed = !marksEnds
      while word < labels.count, tags[labels[word]].kind == first.kind {
        let place = tags[labels[word]].place
        guard place == .inside || place == .end else { break }
        word += 1
        if place == .end {
          isClosed = true
          break
        }
      }
      if isClosed { entities.append(Entity(kind: first.kind, words: start..<word)) }
    }
    return entities
  }
}
