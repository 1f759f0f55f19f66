/// The meaning of a label set that marks where entities begin and continue: BIO, BILOU, BIOES, IO, or bare kinds.
///
/// Each label is read by itself. `B-X` begins an entity of the kind X and `I-X` continues it; `L-X` or `E-X` ends
/// it, and `U-X` or `S-X` is an entity of one word, if the set has `B-` or `I-` labels of a kind with the same
/// letters; a bare `X` counts as `I-X`. `O`, also after a prefix, and the marks of special tokens and of later pieces
/// (`[CLS]`, `<PAD>`, `X`) are outside. A kind that holds a hyphen is whole: only the prefixes above are split off.
///
/// ```swift
/// let scheme = TagScheme(["O", "B-PER", "I-PER"])
/// scheme?.entities([1, 2, 0, 2])   // PER at 0..<2, PER at 3..<4
/// ```
public struct TagScheme: Sendable, Hashable {
  /// What one label says about a word.
  public struct Tag: Sendable, Hashable {
    public enum Place: Sendable, Hashable { case outside, begin, inside, end, single }

    public let place: Place
    /// `O` outside.
    public let kind: String

    static let outside = Tag(place: .outside, kind: "O")
  }

  /// An entity of whole words.
  public struct Entity: Sendable, Hashable {
    public let kind: String
    /// Its words, counted in their sentence.
    public let words: Range<Int>
  }

  /// One for each label, in the order of the labels.
  public let tags: [Tag]

  /// Reads a label set.
  ///
  /// - Returns: nil if the labels are no scheme: there is neither an `O` nor a label with `B-` or `I-`, so that every
  ///   word has a label that stands for itself.
  public init?(_ labels: [String]) {
    let prefixes = TagPrefixes(labels)
    let isScheme = labels.contains { label in
      label == "O" || TagPrefixes.plain.contains { label.count > 2 && label.hasPrefix("\($0)-") }
    }
    guard isScheme else { return nil }
    tags = labels.map(prefixes.tag)
  }

  /// Reads a label set as the pipeline of transformers does: whatever is no prefix is a kind, and so is `O`.
  ///
  /// - Parameter labels: any names.
  public init(literal labels: [String]) {
    let prefixes = TagPrefixes(labels)
    tags = labels.map(prefixes.literalTag)
  }

  /// The entities of a sentence, in order.
  ///
  /// - Parameter labels: the number of each word's label.
  /// - SeeAlso: conlleval.pl of CoNLL-2000, `startOfChunk` and `endOfChunk`.
  public func entities(_ labels: [Int]) -> [Entity] {
    runs(labels).filter { tags[labels[$0.words.lowerBound]].place != .outside }
  }

  /// Neighboring words of one kind, in order; words outside are runs of the kind `O`.
  ///
  /// A run begins at `B`, at `U`, and at any other tag that follows another kind or the end of an entity, so that
  /// predictions that break their scheme have entities too.
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
  /// Whether it goes on with a run of its kind.
  fileprivate var continues: Bool { place != .begin && place != .single }

  /// Whether nothing goes on after it.
  fileprivate var closes: Bool { place == .end || place == .single }
}

/// The letters that are prefixes in one label set.
private struct TagPrefixes {
  /// The prefixes of every set.
  static let plain: Set<Character> = ["B", "I"]
  /// Letters that close an entity are prefixes in pairs: `L` and `U` of BILOU, `E` and `S` of BIOES.
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

  /// The letter before the first hyphen, and what follows; nil if the label is of another form.
  private static func split(_ label: String) -> (letter: Character, kind: String)? {
    let kind = String(label.dropFirst(2))
    guard let letter = label.first, label.dropFirst().first == "-", !kind.isEmpty else { return nil }
    return (letter, kind)
  }

  /// `O`, the mark of later pieces `X`, what stands for no label, and the names of special tokens: `[CLS]`, `<pad>`.
  private static func isOutside(_ label: String) -> Bool {
    if ["O", "X", "PAD", "CLS", "SEP", "UNK", "_", "-", ""].contains(label) { return true }
    return (label.hasPrefix("[") && label.hasSuffix("]")) || (label.hasPrefix("<") && label.hasSuffix(">"))
  }
}
