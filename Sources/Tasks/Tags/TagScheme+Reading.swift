extension TagScheme {
  /// How tags that violate their scheme are read.
  public enum Reading: String, Sendable, CaseIterable {
    /// They also begin entities, as in ``TagScheme/entities(_:)``.
    case lenient
    /// An entity is `B` and the following `I` of its kind; if the scheme marks ends, also a final `L`, or a single `U`.
    /// Everything else is outside.
    ///
    /// Source: seqeval, `mode="strict"`.
    case strict
  }

  /// The entities of a sentence, in order.
  ///
  /// - Parameters:
  ///   - labels: the label index of each word.
  ///   - reading: how tags that violate their scheme are read.
  public func entities(_ labels: [Int], reading: Reading) -> [Entity] {
    reading == .lenient ? entities(labels) : strictEntities(labels)
  }

  /// Whether some label marks the end of an entity.
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
