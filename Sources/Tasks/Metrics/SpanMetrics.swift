/// Precision, recall and F1 of spans.
public struct SpanScores: Sendable, Hashable {
  /// Spans that were predicted.
  public var predicted = 0
  /// Spans that are there.
  public var actual = 0
  /// Predicted spans that are there: with the same first word, last word and kind.
  public var right = 0

  public init(predicted: Int = 0, actual: Int = 0, right: Int = 0) {
    self.predicted = predicted
    self.actual = actual
    self.right = right
  }

  /// The share of the predicted spans that are there; 0 without any.
  public var precision: Double { predicted == 0 ? 0 : Double(right) / Double(predicted) }

  /// The share of the spans there that were predicted; 0 without any.
  public var recall: Double { actual == 0 ? 0 : Double(right) / Double(actual) }

  /// 2·P·R / (P + R); 0 where nothing is right.
  public var f1: Double { predicted + actual == 0 ? 0 : Double(2 * right) / Double(predicted + actual) }
}

/// What the tag of a word says about spans: `B-X` begins one of the kind X, `I-X` goes on, `E-X` or `L-X` ends
/// it, `S-X` or `U-X` is one alone, `O` is outside.
struct SpanTag: Hashable {
  enum Place: Hashable { case outside, begin, inside, end, single }

  let place: Place
  /// Empty outside.
  let kind: Substring

  static let outside = SpanTag(place: .outside, kind: "")

  private init(place: Place, kind: Substring) {
    self.place = place
    self.kind = kind
  }

  /// Nil if the name is of another form.
  init?(_ name: String) {
    if name == "O" {
      self = .outside
      return
    }
    let kind = name.dropFirst(2)
    guard !kind.isEmpty, name.dropFirst().first == "-" else { return nil }
    switch name.first {
    case "B": self.init(place: .begin, kind: kind)
    case "I": self.init(place: .inside, kind: kind)
    case "E", "L": self.init(place: .end, kind: kind)
    case "S", "U": self.init(place: .single, kind: kind)
    default: return nil
    }
  }

  /// Tags of these names, if they are all of the form and not all outside.
  static func scheme(_ names: [String]) -> [SpanTag]? {
    let tags = names.compactMap(SpanTag.init)
    return tags.count == names.count && tags.contains { $0 != .outside } ? tags : nil
  }

  /// Whether a span ends between this tag and the next.
  func ends(before next: SpanTag) -> Bool {
    switch (place, next.place) {
    case (.outside, _): false
    case (.end, _), (.single, _): true
    case (_, .begin), (_, .single), (_, .outside): true
    default: kind != next.kind
    }
  }

  /// Whether a span begins with this tag, behind the one before.
  func begins(after previous: SpanTag) -> Bool {
    switch (previous.place, place) {
    case (_, .outside): false
    case (_, .begin), (_, .single): true
    case (.outside, _), (.end, _), (.single, _): true
    default: kind != previous.kind
    }
  }

  struct Span: Hashable {
    let kind: Substring
    let words: Range<Int>
  }

  /// The spans of a sentence.
  static func spans(_ tags: [SpanTag]) -> Set<Span> {
    var spans: Set<Span> = []
    var start: Int?
    var previous = SpanTag.outside
    for (word, tag) in (tags + [.outside]).enumerated() {
      if let begun = start, previous.ends(before: tag) {
        spans.insert(Span(kind: previous.kind, words: begun..<word))
        start = nil
      }
      if tag.begins(after: previous) { start = word }
      previous = tag
    }
    return spans
  }
}

extension Metrics {
  /// Precision, recall and F1 of the spans that tags stand for, over all sentences and kinds.
  ///
  /// Spans are told as conlleval tells them: one begins at `B`, or at `I`
  /// behind `O` or another kind; it ends before `B`, `O` or another kind. So
  /// the schemes IOB1, IOB2, and those with `E`/`L` and `S`/`U` (BIOES, BILOU)
  /// all count, and predictions that break their scheme do, too.
  ///
  /// - Parameters:
  ///   - predictions: the tags' names, for each word of each sentence.
  ///   - targets: the same.
  /// - Returns: nil if a name is not of the form `O` or `B-X`, or if all are `O`.
  ///
  /// Source: conlleval.pl of CoNLL-2000, `startOfChunk`, `endOfChunk`.
  public static func spanScores(_ predictions: [[String]], _ targets: [[String]]) -> SpanScores? {
    var names: [String: Int] = [:]
    func numbers(_ sentences: [[String]]) -> [[Int]] {
      sentences.map { sentence in
        sentence.map { name in
          if let number = names[name] { return number }
          names[name] = names.count
          return names.count - 1
        }
      }
    }
    let (predicted, actual) = (numbers(predictions), numbers(targets))
    guard let scheme = SpanTag.scheme(names.sorted { $0.value < $1.value }.map(\.key)) else { return nil }
    return spanScores(predicted, actual, scheme)
  }

  /// - Parameter scheme: what the numbers of tags stand for.
  static func spanScores(_ predictions: [[Int]], _ targets: [[Int]], _ scheme: [SpanTag]) -> SpanScores {
    checkCounts(predictions.count, targets.count)
    var scores = SpanScores()
    for (prediction, target) in zip(predictions, targets) {
      checkCounts(prediction.count, target.count)
      let predicted = SpanTag.spans(prediction.map { scheme[$0] })
      let actual = SpanTag.spans(target.map { scheme[$0] })
      scores.predicted += predicted.count
      scores.actual += actual.count
      scores.right += predicted.intersection(actual).count
    }
    return scores
  }
}
