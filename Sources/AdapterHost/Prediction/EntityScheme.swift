/// Labels that say where entities begin and go on: BIO, BILOU, BIOES, IO.
///
/// `B-X` begins an entity of the kind X, `I-X` goes on, `L-X` or `E-X` ends,
/// `U-X` or `S-X` is one alone, `O` is none. An inner piece without a
/// beginning begins one, as most readers of these schemes take it; pieces of
/// one word that all begin an entity of one kind are one entity.
struct EntityScheme {
  enum Tag: Equatable {
    case outside
    case begin(String)
    case inside(String)
    case end(String)
    case single(String)

    var kind: String? {
      switch self {
      case .outside: nil
      case .begin(let kind), .inside(let kind), .end(let kind), .single(let kind): kind
      }
    }
  }

  /// In the order of the labels.
  let tags: [Tag]

  /// Nil if the labels are not of this form.
  init?(_ labels: [String]) {
    var tags: [Tag] = []
    for label in labels {
      guard let tag = Tag(label) else { return nil }
      tags.append(tag)
    }
    guard tags.contains(.outside), tags.contains(where: { $0.kind != nil }) else { return nil }
    self.tags = tags
  }

  /// A token with its tag.
  struct Piece {
    let tag: Tag
    /// In scalars of the text.
    let range: Range<Int>
    let word: Int?
    let score: Float
  }

  struct Entity {
    let label: String
    let range: Range<Int>
    /// The mean of the pieces' probabilities.
    let score: Float
  }

  /// Joins the pieces that belong together; they are in the order of the text.
  static func entities(_ pieces: [Piece]) -> [Entity] {
    var groups: [[Piece]] = []
    var isOpen = false
    var previous: Piece?
    for piece in pieces {
      let goesOn = isOpen && previous.map { piece.continues($0) } == true
      if piece.tag.kind != nil {
        if goesOn { groups[groups.count - 1].append(piece) } else { groups.append([piece]) }
      }
      isOpen = piece.tag != .outside
      previous = piece
    }
    return groups.compactMap { group in
      guard let first = group.first, let last = group.last, let kind = first.tag.kind else { return nil }
      let range = first.range.lowerBound..<max(first.range.upperBound, last.range.upperBound)
      return Entity(
        label: kind, range: range, score: group.reduce(0) { $0 + $1.score } / Float(group.count))
    }
  }
}

extension EntityScheme.Piece {
  /// Whether a piece belongs to the entity of the one before it.
  fileprivate func continues(_ previous: Self) -> Bool {
    guard tag.kind == previous.tag.kind else { return false }
    let isSameWord = word != nil && word == previous.word
    switch (previous.tag, tag) {
    case (.begin, .begin), (.single, .single), (.end, .end): return isSameWord
    case (.begin, _), (.inside, _):
      if case .begin = tag { return false } else if case .single = tag { return false }
      return true
    default: return false
    }
  }
}

extension EntityScheme.Tag {
  fileprivate init?(_ label: String) {
    if label == "O" {
      self = .outside
      return
    }
    let kind = String(label.dropFirst(2))
    guard !kind.isEmpty, label.dropFirst().first == "-" else { return nil }
    switch label.first {
    case "B": self = .begin(kind)
    case "I": self = .inside(kind)
    case "L", "E": self = .end(kind)
    case "U", "S": self = .single(kind)
    default: return nil
    }
  }
}
