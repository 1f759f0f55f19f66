extension Metrics {
  /// Precision, recall and F1 of the entities encoded by tags, over all sentences and kinds.
  ///
  /// Entities are read by ``TagScheme``, as in predictions.
  ///
  /// - Parameters:
  ///   - predictions: tag names, for each word of each sentence.
  ///   - targets: the correct tags.
  /// - Returns: nil if the names do not form a scheme.
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

  /// - Parameter scheme: the meaning of the tag indices.
  static func spanScores(_ predictions: [[Int]], _ targets: [[Int]], _ scheme: TagScheme) -> MatchCounts {
    LabelReport(entities: predictions, targets, scheme).micro
  }
}

extension LabelReport {
  /// The report of entities by kind, sorted by name.
  ///
  /// An entity is correct if its first word, last word and kind are.
  ///
  /// - Parameters:
  ///   - predictions: tag indices, for each word of each sentence.
  ///   - targets: the correct tag indices.
  ///   - scheme: the meaning of the indices.
  ///   - reading: how tags that violate their scheme are read.
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
  /// The entities of one sentence by kind.
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
