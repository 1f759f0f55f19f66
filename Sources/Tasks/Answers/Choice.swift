internal import Heads

extension Answer {
  /// The likeliest choice, the first of equals.
  ///
  /// - Parameters:
  ///   - choices: the texts, at least one.
  ///   - outputs: a value for each.
  public init(among choices: [String], _ outputs: [Float]) {
    let scores = ScoreFunction.softmax.scores(outputs)
    self = .choice(
      index: outputs.placeOfLargest, all: zip(choices, scores).map { ScoredLabel(label: $0, score: $1) })
  }
}
