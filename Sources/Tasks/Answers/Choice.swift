internal import Heads

extension Answer {
  /// The most likely choice; the first in case of a tie.
  ///
  /// - Parameters:
  ///   - choices: the texts, at least one.
  ///   - outputs: one value per choice.
  public init(among choices: [String], _ outputs: [Float]) {
    let scores = ScoreFunction.softmax.scores(outputs)
    self = .choice(
      index: outputs.placeOfLargest, all: zip(choices, scores).map { ScoredLabel(label: $0, score: $1) })
  }
}
