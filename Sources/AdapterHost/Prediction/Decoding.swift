internal import Foundation
internal import Heads
internal import Tensors
internal import Tokenization

extension Answer {
  /// - Parameters:
  ///   - logits: those of one text, without a prompt's: [1, labels], [tokens, labels] for tagging and questions, or,
  ///     for a masked language model, a row for each `[MASK]`.
  ///   - settings: the head's; of any kind but multiple choice.
  ///   - encoding: the tokens of the input's text, and of its pair.
  ///   - input: the text; for questions with a pair.
  ///   - tokenizer: that of the encoding.
  init(
    _ logits: Tensor, _ settings: HeadSettings, _ encoding: Encoding, _ input: TextInput,
    _ tokenizer: DebertaV2Tokenizer
  ) {
    switch settings.kind {
    case .maskedLM: self = .masks(MaskedToken.all(logits, encoding, tokenizer))
    case .questionAnswering: self = .answer(ContextAnswer(logits, encoding, context: input.pair ?? ""))
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
      let tags = Tags(logits, labels, encoding)
      self = .spans(EntityScheme(labels).map { tags.entities($0, in: input.text) } ?? tags.words(of: input.text))
    case .multipleChoice: preconditionFailure("a choice is made among several sequences")
    }
  }

  /// The likeliest choice, the first of equals.
  ///
  /// - Parameters:
  ///   - choices: the texts, at least one.
  ///   - logits: a value for each.
  init(among choices: [String], _ logits: [Float]) {
    let best = logits.indices.reduce(0) { logits[$1] > logits[$0] ? $1 : $0 }
    self = .choice(index: best, all: zip(choices, logits.softmax).map { ScoredLabel(label: $0, score: $1) })
  }
}

/// What a tagging head says about the tokens of a text; those of a pair's second text are not asked.
private struct Tags {
  private let logits: Tensor
  private let labels: [String]
  private let encoding: Encoding

  init(_ logits: Tensor, _ labels: [String], _ encoding: Encoding) {
    self.logits = logits
    self.labels = labels
    self.encoding = encoding
  }

  /// A span for each word that has a token, decided by its first one.
  func words(of text: String) -> [LabeledSpan] {
    let words = Words(text)
    return zip(words.ranges, encoding.firstTokens()).compactMap { range, token in
      guard let token else { return nil }
      let all = logits.softmax(row: token, labels)
      let best = all[logits.argmax(row: token)]
      return LabeledSpan(range: range, text: words.text(range), label: best.label, score: best.score, all: all)
    }
  }

  /// The entities of a scheme, each made of all its pieces.
  func entities(_ scheme: EntityScheme, in text: String) -> [LabeledSpan] {
    let words = Words(text)
    let tokens = encoding.ids.indices.filter { encoding.sequence[$0] == 0 }
    let pieces = tokens.map { token in
      let best = logits.argmax(row: token)
      return EntityScheme.Piece(
        tag: scheme.tags[best], range: encoding.offsets[token], word: encoding.words[token],
        score: logits.softmax(row: token, labels)[best].score)
    }
    return EntityScheme.entities(pieces).map { entity in
      LabeledSpan(
        range: entity.range, text: words.text(entity.range), label: entity.label, score: entity.score, all: [])
    }
  }
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
