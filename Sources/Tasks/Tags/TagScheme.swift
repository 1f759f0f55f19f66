/// A label set that marks where entities begin and continue: BIO, BILOU, BIOES, IO, or bare kinds.
///
/// Each label is read separately. `B-X` begins an entity of kind X and `I-X` continues it; `L-X` or `E-X` ends it, and
/// `U-X` or `S-X` is a single-word entity, if the set has `B-` or `I-` labels of a kind with the same letters; a bare
/// `X` counts as `I-X`. `O`, also after a prefix, and the marks of special tokens and continuation pieces (`[CLS]`,
/// `<PAD>`, `X`) are outside. Hyphens within a kind are preserved: only the prefixes above are split off.
///
/// ```swift
/// let scheme = TagScheme(["O", "B-PER", "I-PER"])
/// scheme?.entities([1, 2, 0, 2])   // PER at 0..<2, PER at 3..<4
/// ```
public struct TagScheme: Sendable, Hashable {
  /// The meaning of one label.
  public struct Tag: Sendable, Hashable {
    public enum Place: Sendable, Hashable { case outside, begin, inside, end, single }

    public let place: Place
    /// `O` outside.
    public let kind: String

    static let outside = Tag(place: .outside, kind: "O")
  }

  /// An entity, which consists of whole words.
  public struct Entity: Sendable, Hashable {
    public let kind: String
    /// The range of its words in the sentence.
    public let words: Range<Int>
  }

  /// One per label, in label order.
  public let tags: [Tag]

  /// Reads a label set.
  ///
  /// - Returns: nil if the labels are not a scheme: there is neither an `O` nor a label with `B-` or `I-`, so each
  ///   word's label stands for itself.
  public init?(_ labels: [String]) {
    let prefixes = TagPrefixes(labels)
    let isScheme = labels.contains { label in
      label == "O" || TagPrefixes.plain.contains { label.count > 2 && label.hasPrefix("\($0)-") }
    }
    guard isScheme else { return nil }
    tags = labels.map(prefixes.tag)
  }

  /// Reads a label set like transformers' pipeline: everything without a prefix is a kind, including `O`.
  ///
  /// - Parameter labels: any names.
  public init(literal labels: [String]) {
    let prefixes = TagPrefixes(labels)
    tags = labels.map(prefixes.literalTag)
  }

  /// The entities of a sentence, in order.
  ///
  /// - Parameter labels: the label index of each word.
  /// - SeeAlso: conlleval.pl of CoNLL-2000, `startOfChunk` and `endOfChunk`.
  public func entities(_ labels: [Int]) -> [Entity] {
    runs(labels).filter { tags[labels[$0.words.lowerBound]].place != .outside }
  }

  /// Consecutive words of the same kind, in order; words outside entities are runs of kind `O`.
  ///
  /// A run begins at `B`, at `U`, and at any other tag that follows another kind or the end of an entity, so
  /// predictions that violate their scheme still give entities.
  public func runs(_ labels: [Int]) -> [Entity] {
    var runs: [Entity] = []
    var isOpen = false
    for (word, label) in labels.enumerated() {
      let tag = tags[label]
      if isOpen, let last = runs.last, last.kind == tag.kind, tag.continues {
        runs[runs.count - 1] = Entity(kind: tag.kind, words: last.words.lowerBound..<word + 1)
      } else {
        runs.append(Entity(kind: tag.kind, words: word..<word + 1))
      }
      isOpen = !tag.closes
    }
    return runs
  }
}

extension TagScheme.Tag {
  /// Whether the tag can continue a run of its kind.
  fileprivate var continues: Bool { place != .begin && place != .single }

  /// Whether the tag ends a run.
  fileprivate var closes: Bool { place == .end || place == .single }
}

/// The letters used as prefixes in a label set.
private struct TagPrefixes {
  /// The prefixes in every set.
  static let plain: Set<Character> = ["B", "I"]
  /// Letters that end an entity come in pairs: `L` and `U` in BILOU, `E` and `S` in BIOES.
  private static let closing: [[Character]] = [["L", "U"], ["E", "S"]]

  private let letters: Set<Character>

  /// `E-mail` is a kind, not the end of a `mail`, unless the set has a label such as `B-mail`.
  init(_ labels: [String]) {
    let all = Set(labels)
    letters = Self.closing.reduce(into: Self.plain) { letters, pair in
      let isUsed = labels.contains { label in
        guard let (letter, kind) = Self.split(label), pair.contains(letter) else { return false }
        return kind == "O" || Self.plain.contains { all.contains("\($0)-\(kind)") }
      }
      if isUsed { letters.formUnion(pair) }
    }
  }

  func tag(_ label: String) -> TagScheme.Tag {
    guard let (letter, kind) = Self.split(label), letters.contains(letter) else {
      return Self.isOutside(label) ? .outside : TagScheme.Tag(place: .inside, kind: label)
    }
    return kind == "O" ? .outside : Self.tag(letter, kind)
  }

  func literalTag(_ label: String) -> TagScheme.Tag {
    guard let (letter, kind) = Self.split(label), letters.contains(letter) else {
      return TagScheme.Tag(place: .inside, kind: label)
    }
    return Self.tag(letter, kind)
  }

  private static func tag(_ letter: Character, _ kind: String) -> TagScheme.Tag {
    let place: TagScheme.Tag.Place =
      switch letter {
      case "B": .begin
      case "L", "E": .end
      case "U", "S": .single
      default: .inside
      }
    return TagScheme.Tag(place: place, kind: kind)
  }

  /// The letter before the first hyphen, and the rest; nil if the label has another form.
  private static func split(_ label: String) -> (letter: Character, kind: String)? {
    let kind = String(label.dropFirst(2))
    guard let letter = label.first, label.dropFirst().first == "-", !kind.isEmpty else { return nil }
    return (letter, kind)
  }

  /// `O`, the continuation mark `X`, placeholders for no label, and names of special tokens: `[CLS]`, `<pad>`.
  private static func isOutside(_ label: String) -> Bool {
    if ["O", "X", "PAD", "CLS", "SEP", "UNK", "_", "-", ""].contains(label) { return true }
    return (label.hasPrefix("[") && label.hasSuffix("]")) || (label.hasPrefix("<") && label.hasSuffix(">"))
  }
}
