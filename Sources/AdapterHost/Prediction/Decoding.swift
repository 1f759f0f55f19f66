internal import Foundation
internal import Heads
internal import Tensors
internal import Tokenization

extension HeadKind {
  /// Whether a predictor makes answers of such a head's logits.
  var isDecoded: Bool {
    switch self {
    case .classification, .multilabelClassification, .tagging, .maskedLM: true
    case .questionAnswering, .multipleChoice: false
    }
  }
}

extension Answer {
  /// - Parameters:
  ///   - logits: those of one text, without a prompt's: [1, labels], [tokens, labels] for tagging, or, for a masked
  ///     language model, a row for each `[MASK]`.
  ///   - encoding: the tokens of `text`, and of its pair.
  ///   - tokenizer: that of the encoding.
  init(
    _ logits: Tensor, _ settings: HeadSettings, _ encoding: Encoding, text: String, _ tokenizer: DebertaV2Tokenizer
  ) {
    if settings.kind == .maskedLM {
      self = .masks(MaskedToken.all(logits, encoding, tokenizer))
      return
    }
    let labels = settings.labelNames
    switch settings.kind {
    case .classification where settings.outputs == 1: self = .value(logits.pointer[0])
    case .multilabelClassification:
      let all = zip(labels, logits.array).map { ScoredLabel(label: $0, score: 1 / (1 + exp(-$1))) }
      self = .labels(zip(all, logits.array).filter { $1 > 0 }.map(\.0), all: all)
    case .tagging:
      let tags = Tags(logits, labels, encoding)
      self = .spans(EntityScheme(labels).map { tags.entities($0, in: text) } ?? tags.words(of: text))
    default:
      let all = logits.softmax(row: 0, labels)
      self = .label(all[logits.argmax(row: 0)], all: all)
    }
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

extension HeadSettings {
  /// The labels; those that have no names are called as transformers does.
  var labelNames: [String] { labels.isEmpty ? (0..<outputs).map { "LABEL_\($0)" } : labels }
}

extension Tensor {
  /// The first of the largest values of a row.
  fileprivate func argmax(row: Int) -> Int {
    let values = pointer + row * stride
    return (1..<max(columns, 1)).reduce(0) { values[$1] > values[$0] ? $1 : $0 }
  }

  fileprivate func softmax(row: Int, _ labels: [String]) -> [ScoredLabel] {
    let values = UnsafeBufferPointer(start: pointer + row * stride, count: columns)
    let largest = values.max() ?? 0
    let powers = values.map { exp($0 - largest) }
    let sum = powers.reduce(0, +)
    return zip(labels, powers).map { ScoredLabel(label: $0, score: $1 / sum) }
  }
}
