extension Metrics {
  /// Precision, recall and F1 of the spans that tags stand for, over all sentences and kinds.
  ///
  /// Spans are the entities of ``TagScheme``, the same that predictions have.
  ///
  /// - Parameters:
  ///   - predictions: the tags' names, for each word of each sentence.
  ///   - targets: the same.
  /// - Returns: nil if the names are no scheme.
  public static func spanScores(_ predictions: [[String]], _ targets: [[String]]) -> MatchCounts? {
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
    guard let scheme = TagScheme(names.sorted { $0.value < $1.value }.map(\.key)) else { return nil }
    return spanScores(predicted, actual, scheme)
  }

  /// - Parameter scheme: what the numbers of tags stand for.
  static func spanScores(_ predictions: [[Int]], _ targets: [[Int]], _ scheme: TagScheme) -> MatchCounts {
    LabelReport(entities: predictions, targets, scheme).micro
  }
}

extension LabelReport {
  /// The report of entities by their kinds, in the order of the kinds' names. An entity is right if its first word, its
  /// last word and its kind are.
  ///
  /// - Parameters:
  ///   - predictions: the tags' numbers, for each word of each sentence.
  ///   - targets: the same.
  ///   - scheme: what the numbers stand for.
  ///   - reading: what tags are that break their scheme.
  /// - SeeAlso: seqeval, `classification_report`.
  public init(
    entities predictions: [[Int]], _ targets: [[Int]], _ scheme: TagScheme, reading: TagScheme.Reading = .lenient
  ) {
    Metrics.checkCounts(predictions.count, targets.count)
    var counts: [String: MatchCounts] = [:]
    for (prediction, target) in zip(predictions, targets) {
      Metrics.checkCounts(prediction.count, target.count)
      for (kind, own) in scheme.matches(prediction, target, reading: reading) {
        counts[kind, default: MatchCounts()] += own
      }
    }
    self.init(counts.sorted { $0.key < $1.key }.map { Row(label: $0.key, counts: $0.value) })
  }
}

extension TagScheme {
  /// The entities of one sentence by their kinds.
  func matches(_ prediction: [Int], _ target: [Int], reading: Reading) -> [String: MatchCounts] {
    let predicted = Set(entities(prediction, reading: reading))
    let actual = Set(entities(target, reading: reading))
    var counts: [String: MatchCounts] = [:]
    for entity in predicted {
      counts[entity.kind, default: MatchCounts()] +=
        MatchCounts(predicted: 1, right: actual.contains(entity) ? 1 : 0)
    }
    for entity in actual { counts[entity.kind, default: MatchCounts()].actual += 1 }
    return counts
  }
}
