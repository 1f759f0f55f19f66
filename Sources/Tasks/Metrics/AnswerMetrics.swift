/// The rules for comparing answers.
public enum AnswerRules: Sendable, Hashable {
  /// Every question has an answer: an empty text shares no word with any other (`evaluate-v1.1.py`).
  case squad1
  /// A question may be unanswerable: answers without words count as no answer (`evaluate-v2.0.py`).
  case squad2
}

extension Metrics {
  /// The agreement of a predicted answer with the closest correct one: exact match, and word F1.
  ///
  /// Both compare texts without case, ASCII punctuation and the articles a, an and the, and with single spaces between
  /// words. An empty text means no answer, which is correct if there are no answers.
  ///
  /// Source: `compute_exact`, `compute_f1` and `normalize_answer` of SQuAD's evaluate-v2.0.py; `exact_match_score` and
  /// `f1_score` of evaluate-v1.1.py. They only differ for answers without words.
  public static func answerMatch(
    _ prediction: String, _ answers: [String], rules: AnswerRules = .squad2
  ) -> (exact: Double, f1: Double) {
    let words = answerWords(prediction)
    var targets = answers.map(answerWords)
    if rules == .squad2 { targets.removeAll(where: \.isEmpty) }
    return (targets.isEmpty ? [[]] : targets).reduce((exact: 0, f1: 0)) { best, target in
      let f1 = rules == .squad1 && words.isEmpty ? 0 : wordF1(words, target)
      return (max(best.exact, words == target ? 1 : 0), max(best.f1, f1))
    }
  }

  /// 2·P·R / (P + R); repeated words count as often as they occur in both.
  private static func wordF1(_ prediction: [String], _ target: [String]) -> Double {
    if prediction.isEmpty || target.isEmpty { return prediction == target ? 1 : 0 }
    var rest: [String: Int] = [:]
    for word in target { rest[word, default: 0] += 1 }
    var common = 0
    for word in prediction {
      guard let count = rest[word], count > 0 else { continue }
      rest[word] = count - 1
      common += 1
    }
    return Double(2 * common) / Double(prediction.count + target.count)
  }

  /// The normalized words by which answers are compared.
  static func answerWords(_ text: String) -> [String] {
    var scalars = String.UnicodeScalarView()
    var run = String.UnicodeScalarView()
    // Articles are delimited by any scalars other than letters and digits, not only by spaces.
    func finishRun() {
      scalars.append(contentsOf: ["a", "an", "the"].contains(String(run)) ? " ".unicodeScalars : run)
      run = String.UnicodeScalarView()
    }
    for scalar in text.lowercased().unicodeScalars where !scalar.isASCIIPunctuation {
      if scalar.isLetterOrDigit {
        run.append(scalar)
      } else {
        finishRun()
        scalars.append(scalar)
      }
    }
    finishRun()
    return String(scalars).split(whereSeparator: \.isWhitespace).map(String.init)
  }
}

extension Unicode.Scalar {
  /// Python's `string.punctuation`.
  fileprivate var isASCIIPunctuation: Bool {
    switch value {
    case 33...47, 58...64, 91...96, 123...126: true
    default: false
    }
  }

  /// Characters matched by Python's `\w`, except `_`.
  fileprivate var isLetterOrDigit: Bool {
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
      .letterNumber, .otherNumber:
      true
    default: false
    }
  }
}
