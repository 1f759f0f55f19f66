internal import Foundation
internal import Heads
internal import Tasks
internal import Tensors
internal import Tokenization

extension Answer {
  /// The answer of a head to one text.
  ///
  /// - Parameters:
  ///   - logits: for each sequence that the head reads, without a prompt's: [1, outputs], [tokens, outputs] for tagging
  ///     and questions, or, for a masked language model, a row for each `[MASK]`. All are finite.
  ///   - settings: the head's.
  ///   - encodings: the sequences: the text, with its pair; or with each of its choices.
  ///   - input: the text.
  ///   - tokenizer: that of the encodings.
  init(
    _ logits: [Tensor], _ settings: HeadSettings, _ encodings: [Encoding], _ input: TextInput,
    _ tokenizer: any Tokenizer
  ) {
    let (all, logits, encoding) = (logits, logits[0], encodings[0])
    switch settings.kind {
    case .maskedLM: self = .masks(MaskedToken.all(logits, encoding, tokenizer))
    case .questionAnswering: self = .answer(ContextAnswer(all, encodings, context: input.pair ?? ""))
    case .classification, .multilabelClassification:
      let scores = settings.function.scores(logits.rows(0..<1).array)
      let all = zip(settings.labelNames, scores).map { ScoredLabel(label: $0, score: $1) }
      if settings.kind == .classification, settings.outputs == 1 {
        self = .value(scores[0])
      } else if settings.function == .sigmoid {
        self = .labels(all.filter { $0.score > 0.5 }, all: all)
      } else {
        self = .label(all[logits.argmax(row: 0)], all: all)
      }
    case .tagging:
      let labels = settings.labelNames
      let words = input.sentence.labeled(logits, labels, encoding)
      self = TagScheme(labels).map { .entities(input.sentence.entities($0, words)) } ?? .words(words.map(\.0))
    case .multipleChoice: self.init(among: input.choices, all.map { $0[0, 0] })
    }
  }

  /// The likeliest choice, the first of equals.
  ///
  /// - Parameters:
  ///   - choices: the texts, at least one.
  ///   - logits: a value for each.
  private init(among choices: [String], _ logits: [Float]) {
    let best = logits.indices.reduce(0) { logits[$1] > logits[$0] ? $1 : $0 }
    self = .choice(index: best, all: zip(choices, logits.softmax).map { ScoredLabel(label: $0, score: $1) })
  }
}

extension Sentence {
  /// A span for each word that has a token, decided by its first one.
  ///
  /// - Parameters:
  ///   - logits: those of each token, [tokens, labels].
  ///   - labels: the names of the columns.
  ///   - encoding: the tokens.
  fileprivate func labeled(_ logits: Tensor, _ labels: [String], _ encoding: Encoding) -> [(LabeledSpan, label: Int)] {
    let scalars = Array(text.unicodeScalars)
    return zip(ranges, firstTokens(encoding)).compactMap { range, token in
      guard let token else { return nil }
      let all = logits.softmax(row: token, labels)
      let best = logits.argmax(row: token)
      let span = LabeledSpan(
        range: range, text: scalars.text(range), label: all[best].label, score: all[best].score, all: all)
      return (span, best)
    }
  }

  /// The entities of a scheme; each has the mean score of its words.
  fileprivate func entities(
    _ scheme: TagScheme, _ words: [(LabeledSpan, label: Int)]
  ) -> [LabeledSpan] {
    let scalars = Array(text.unicodeScalars)
    return scheme.entities(words.map(\.label)).map { entity in
      let own = words[entity.words].map(\.0)
      let range = own[0].range.lowerBound..<own[own.count - 1].range.upperBound
      return LabeledSpan(
        range: range, text: scalars.text(range), label: entity.kind,
        score: own.reduce(0) { $0 + $1.score } / Float(own.count), all: [])
    }
  }
}

extension [Unicode.Scalar] {
  fileprivate func text(_ range: Range<Int>) -> String { String(String.UnicodeScalarView(self[range])) }
}

extension Tensor {
  /// The first of the largest values of a row.
  fileprivate func argmax(row: Int) -> Int {
    let values = pointer + row * stride
    return (1..<max(columns, 1)).reduce(0) { values[$1] > values[$0] ? $1 : $0 }
  }

  fileprivate func softmax(row: Int, _ labels: [String]) -> [ScoredLabel] {
    zip(labels, rows(row..<row + 1).array.softmax).map { ScoredLabel(label: $0, score: $1) }
  }
}

extension [Float] {
  /// Shares of 1, as exp(x).
  var softmax: [Float] {
    let largest = self.max() ?? 0
    let powers = map { exp($0 - largest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }
}
