internal import Heads
internal import Tasks
internal import Tensors
internal import Tokenization

/// Turns heads' outputs into answers, according to a predictor's options.
struct AnswerDecoder: Sendable {
  let options: AnswerOptions
  private let masks: MaskDecoder

  /// - Throws: `AnswerOptionsError`, `TargetError`.
  init(_ options: AnswerOptions, _ tokenizer: any Tokenizer) throws {
    try options.check()
    self.options = options
    masks = try MaskDecoder(tokenizer, options.masks)
  }

  /// A head's answer for one text.
  ///
  /// - Parameters:
  ///   - outputs: for each sequence that the head reads, without a prompt's: [1, outputs], [tokens, outputs] for
  ///     tagging and questions or, for a masked language model, one row per `[MASK]`. All are finite.
  ///   - settings: the head's settings.
  ///   - reading: the head's input.
  ///   - input: the text.
  func answer(_ outputs: [Tensor], _ settings: HeadSettings, _ reading: Reading, _ input: TextInput) -> Answer {
    switch reading.form {
    case .hypotheses:
      if let places = EntailmentOutputs(settings), let zeroShot = options.zeroShot {
        return Answer(zeroShot: outputs.map(\.array), places, zeroShot)
      }
      return Answer(classes: outputs[0].array, settings, options.classification)
    case .choices: return Answer(among: input.choices, outputs.map { $0[0, 0] })
    case .question: return answer(outputs, reading, contexts: input.allContexts)
    case .words:
      return TagDecoder(labels: settings.labelNames, options.tagging)
        .answer(outputs, reading.texts[0], of: input.sentence)
    case .text where settings.kind == .maskedLM:
      return .masks(masks.masks(outputs[0], reading.texts[0].whole, text: input.text, pair: input.pair))
    case .text: return Answer(classes: outputs[0].array, settings, options.classification)
    }
  }

  private func answer(_ outputs: [Tensor], _ reading: Reading, contexts: [String]) -> Answer {
    var rest = outputs[...]
    let windows = reading.texts.map { text in
      defer { rest = rest.dropFirst(text.encodings.count) }
      return Array(rest.prefix(text.encodings.count))
    }
    let all = ContextAnswer.best(
      of: zip(reading.texts, contexts).map { QuestionContext($0.encodings, context: $1) },
      starts: windows.map { $0.map { $0.columns(0..<1).array } },
      ends: windows.map { $0.map { $0.columns(1..<2).array } },
      options.questions)
    return .answer(all[0], all: all)
  }
}
