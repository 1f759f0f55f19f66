internal import Heads
public import Tensors
internal import Tokenization

/// Turns a head's token labels into spans.
///
/// Words are delimited by white space, or given.
///
/// - SeeAlso: transformers, `pipelines/token_classification.py`; the README lists where results differ.
public struct TagDecoder: Sendable {
  private let labels: [String]
  private let options: TaggingOptions

  public init(labels: [String], _ options: TaggingOptions) {
    self.labels = labels
    self.options = options
  }

  /// The spans of a text.
  ///
  /// - Parameters:
  ///   - outputs: for each window, the outputs for its tokens, including special ones, [tokens, labels].
  ///   - windows: the text with its tokens.
  ///   - sentence: the text's words.
  public func answer(_ outputs: [Tensor], _ windows: TextWindows, of sentence: Sentence) -> Answer {
    guard let strategy = options.aggregationStrategy else { return wordAnswer(outputs, windows, sentence) }
    let scalars = Array(sentence.text.unicodeScalars)
    let spans = zip(outputs, windows.encodings).flatMap { outputs, encoding in
      self.spans(tokens(outputs, encoding, sentence), strategy, scalars)
    }
    return .entities(windows.encodings.count > 1 ? spans.withoutOverlaps : spans)
  }

  /// A span of the text with its label probabilities.
  private struct Unit {
    var range: Range<Int>
    var scores: [Float]
    /// The index of its word; nil between words.
    let word: Int?

    var label: Int { scores.placeOfLargest }
  }

  private func tokens(_ outputs: Tensor, _ encoding: Encoding, _ sentence: Sentence) -> [Unit] {
    let words = sentence.words(of: encoding)
    return encoding.offsets.indices.filter { encoding.sequence[$0] == 0 }.map { token in
      Unit(range: encoding.offsets[token], scores: outputs.shares(row: token), word: words[token])
    }
  }

  // MARK: - As the pipeline

  private func spans(_ tokens: [Unit], _ strategy: AggregationStrategy, _ text: [Unicode.Scalar]) -> [LabeledSpan] {
    let ignored = options.ignoreLabels ?? ["O"]
    switch strategy {
    case .none:
      let shown = tokens.filter { !ignored.contains(labels[$0.label]) && !$0.range.isEmpty }
      return shown.map { span([$0], labels[$0.label], text) }
    case .simple: return groups(tokens, TagScheme(literal: labels), ignored, text)
    case .first, .average, .max:
      return groups(words(tokens, strategy), TagScheme(literal: labels), ignored, text)
    }
  }

  /// Merges consecutive tokens of a word.
  private func words(_ tokens: [Unit], _ strategy: AggregationStrategy) -> [Unit] {
    var words: [[Unit]] = []
    for token in tokens {
      if let last = words.last?.last, last.word == token.word {
        words[words.count - 1].append(token)
      } else {
        words.append([token])
      }
    }
    return words.map { tokens in
      var word = tokens[0]
      word.range = word.range.lowerBound..<max(word.range.lowerBound, tokens[tokens.count - 1].range.upperBound)
      switch strategy {
      case .average: word.scores = tokens.map(\.scores).mean
      case .max:
        let tops = tokens.map { $0.scores[$0.label] }
        word.scores = tokens[tops.placeOfLargest].scores
      case .none, .simple, .first: break
      }
      return word
    }
  }

  /// One span per run of units of the same kind, unless ignored.
  private func groups(
    _ units: [Unit], _ scheme: TagScheme, _ ignored: Set<String>, _ text: [Unicode.Scalar]
  ) -> [LabeledSpan] {
    scheme.runs(units.map(\.label)).filter { !ignored.contains($0.kind) }.compactMap { run in
      let span = span(Array(units[run.words]), run.kind, text)
      return span.range.isEmpty ? nil : span
    }
  }

  /// The span of some units. Units without text, such as a bare space piece, only affect the mean.
  private func span(_ units: [Unit], _ label: String, _ text: [Unicode.Scalar]) -> LabeledSpan {
    let visible = units.filter { !$0.range.isEmpty }
    let own = visible.isEmpty ? units : visible
    let start = own[0].range.lowerBound
    let range = start..<max(start, own[own.count - 1].range.upperBound)
    let mean = units.reduce(0.0) { $0 + Double($1.scores[$1.label]) } / Double(units.count)
    return LabeledSpan(
      range: range, text: text.text(range), label: label, score: Float(mean),
      all: zip(labels, units.map(\.scores).mean).map { ScoredLabel(label: $0, score: $1) })
  }

  // MARK: - As in training

  /// Labels words by their first tokens, each in the window with the most context around it.
  private func wordAnswer(_ outputs: [Tensor], _ windows: TextWindows, _ sentence: Sentence) -> Answer {
    let encoding = windows.whole
    let places = windows.bestPlaces
    let texts = encoding.sequence.indices.filter { encoding.sequence[$0] == 0 }
    let place = Dictionary(uniqueKeysWithValues: zip(texts, places))
    let units = zip(sentence.ranges, sentence.firstTokens(encoding)).enumerated().compactMap { word, item -> Unit? in
      guard let token = item.1, let place = place[token] else { return nil }
      return Unit(range: item.0, scores: outputs[place.window].shares(row: place.token), word: word)
    }
    let scalars = Array(sentence.text.unicodeScalars)
    if let scheme = TagScheme(labels) {
      return .entities(groups(units, scheme, options.ignoreLabels ?? ["O"], scalars))
    }
    let ignored = options.ignoreLabels ?? []
    let shown = units.filter { !ignored.contains(labels[$0.label]) }
    return .words(shown.map { span([$0], labels[$0.label], scalars) })
  }
}

extension [LabeledSpan] {
  /// Removes overlaps between windows: the longer span wins, then the more confident one.
  fileprivate var withoutOverlaps: [LabeledSpan] {
    let sorted = enumerated().sorted {
      ($0.element.range.lowerBound, $0.offset) < ($1.element.range.lowerBound, $1.offset)
    }
    return sorted.map(\.element).reduce(into: []) { kept, span in
      guard let last = kept.last, last.range.contains(span.range.lowerBound) else {
        kept.append(span)
        return
      }
      if (span.range.count, span.score) > (last.range.count, last.score) { kept[kept.count - 1] = span }
    }
  }
}

extension [[Float]] {
  /// The mean of each column.
  fileprivate var mean: [Float] {
    guard count > 1, let first else { return first ?? [] }
    return first.indices.map { column in Float(reduce(0.0) { $0 + Double($1[column]) } / Double(count)) }
  }
}

extension Tensor {
  /// The softmax of a row.
  fileprivate func shares(row: Int) -> [Float] { ScoreFunction.softmax.scores(rows(row..<row + 1).array) }
}
