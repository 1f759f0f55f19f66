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

extension Metrics {
  /// Precision, recall and F1 of the spans that tags stand for, over all sentences and kinds.
  ///
  /// Spans are the entities of ``TagScheme``, the same that predictions have.
  ///
  /// - Parameters:
  ///   - predictions: the tags' names, for each word of each sentence.
  ///   - targets: the same.
  /// - Returns: nil if the names are no scheme.
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
    guard let scheme = TagScheme(names.sorted { $0.value < $1.value }.map(\.key)) else { return nil }
    return spanScores(predicted, actual, scheme)
  }

  /// - Parameter scheme: what the numbers of tags stand for.
  static func spanScores(_ predictions: [[Int]], _ targets: [[Int]], _ scheme: TagScheme) -> SpanScores {
    checkCounts(predictions.count, targets.count)
    var scores = SpanScores()
    for (prediction, target) in zip(predictions, targets) {
      checkCounts(prediction.count, target.count)
      let predicted = Set(scheme.entities(prediction))
      let actual = Set(scheme.entities(target))
      scores.predicted += predicted.count
      scores.actual += actual.count
      scores.right += predicted.intersection(actual).count
    }
    return scores
  }
}
