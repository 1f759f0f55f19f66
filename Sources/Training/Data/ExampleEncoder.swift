public import Tokenization

/// Encodes examples as tokens.
///
/// ```swift
/// let data = try SourceData(path: "train.jsonl", for: .classification)
/// let labels = try LabelVocabulary(inferredFrom: data.examples)
/// let encoder = ExampleEncoder(tokenizer, for: .classification, labels: labels, maximumLength: 128)
/// let dataset = try encoder.dataset(data)
/// dataset.examples[0].target    // .label(2)
/// dataset.truncation.examples   // how many were cut
/// ```
public struct ExampleEncoder: Sendable {
  public let tokenizer: any Tokenizer
  public let task: TrainingTask
  /// Nil for tasks without labels.
  public let labels: LabelVocabulary?
  public let maximumLength: Int?
  /// For multiple choice, the required number of choices; nil: as many as in the first example.
  public let choices: Int?

  /// - Parameters:
  ///   - labels: the labels of classes and tags, which those tasks require.
  ///   - maximumLength: the maximum number of tokens of a sequence, including special ones; nil for no limit.
  ///   - choices: the required number of choices; nil: as many as in the first example.
  ///   - task: the task of the examples.
  ///   - tokenizer: the base model's tokenizer.
  public init(
    _ tokenizer: any Tokenizer, for task: TrainingTask, labels: LabelVocabulary? = nil,
    maximumLength: Int? = nil, choices: Int? = nil
  ) {
    precondition(!task.hasLabels || labels != nil, "the task \(task.rawValue) needs labels")
    self.tokenizer = tokenizer
    self.task = task
    self.labels = labels
    self.maximumLength = maximumLength
    self.choices = choices
  }

  /// Encodes all examples of a file.
  ///
  /// An example that leaves no room for the context of its question, or has a different number of choices, is a fault.
  /// - Parameters:
  ///   - source: examples read for the same task.
  ///   - use: the purpose of the examples, which determines how long contexts are split.
  /// - Throws: ``DatasetError``: an unknown label, more faults than `source` tolerates, a text that the tokenizer
  ///   refuses, or only truncated answers.
  public func dataset(_ source: SourceData, for use: Use = .training) throws(DatasetError) -> TrainingDataset {
    precondition(source.task == task, "the data are for \(source.task.rawValue), not for \(task.rawValue)")
    var faults = source.faults
    var truncation = TruncationReport()
    var examples: [TrainingExample] = []
    var lines: [Int] = []
    var questions: [QuestionContext] = []
    examples.reserveCapacity(source.examples.count)
    lines.reserveCapacity(source.examples.count)
    for example in source.examples {
      let features: Features
      do {
        features = try self.features(
          of: example, for: use, choices: choices ?? examples.first?.sequences.count)
      } catch {
        switch error {
        case .example(let reason):
          let fault = DataFault(path: source.path, line: example.line, reason: reason)
          faults.add(fault, keeping: source.tolerance.kept)
          continue
        case .label(let error): throw .label(error, path: source.path, line: example.line)
        case .tokenizer(let error): throw .tokenizer(error)
        }
      }
      examples += features.examples
      lines += features.examples.map { _ in example.line }
      truncation.add(features)
      if let question = features.question { questions.append(question) }
    }
    try source.tolerance.check(faults)
    if examples.isEmpty, truncation.answers > 0 {
      throw .lostAnswers(truncation, maximumLength: maximumLength ?? 0, path: source.path)
    }
    guard !examples.isEmpty else { throw SourceData.nothing(faults) }
    return TrainingDataset(
      task: task, examples: examples, lines: lines, questions: questions, truncation: truncation,
      maximumLength: maximumLength, faults: faults)
  }

  /// The purpose of examples.
  public enum Use: Sendable, Hashable {
    /// Each window of a question is an example.
    case training
    /// All windows of a question form one example, and the correct answers are kept.
    case evaluation
  }

  /// The examples made from a record, and what was truncated.
  struct Features {
    var examples: [TrainingExample]
    var cutTokens = 0
    var lostWords = 0
    var hasAnswer = false
    var hasLostAnswer = false
    var question: QuestionContext?
  }

  enum Failure: Error {
    /// The example cannot be used; a sentence.
    case example(String)
    case label(LabelError)
    case tokenizer(TokenizerError)

    init(_ error: TokenizerError) {
      switch error {
      // These concern a single text; other examples are still usable.
      case .textTooLong, .normalizedTooLong: self = .example(error.description)
      default: self = .tokenizer(error)
      }
    }
  }

  /// - Parameters:
  ///   - source: the record.
  ///   - use: the purpose of the examples.
  ///   - choices: the required number of choices; nil for any.
  func features(of source: SourceExample, for use: Use, choices: Int? = nil) throws(Failure) -> Features {
    switch (source.content, source.answer) {
    case (.text(let text, let pair), let answer):
      let encoding = try encode(text, pair)
      let target = try target(answer, tokens: encoding.ids.count)
      return Features(
        examples: [TrainingExample(sequences: [TokenSequence(encoding)], target: target)],
        cutTokens: encoding.truncatedTokens)
    case (.words(let sentence), .tags(let tags)): return try words(sentence, tags)
    case (.question(let question, let context), .answers(let answers)):
      return try self.question(question, context, answers, line: source.line, for: use)
    case (.choices(let prompt, let texts), .choice(let choice)):
      if let choices, choices != texts.count {
        throw .example("there must be \(choices) choices, found \(texts.count).")
      }
      var example = TrainingExample(sequences: [], target: .choice(choice))
      var cutTokens = 0
      for text in texts {
        let encoding = try encode(prompt, text)
        example.sequences.append(TokenSequence(encoding))
        cutTokens += encoding.truncatedTokens
      }
      return Features(examples: [example], cutTokens: cutTokens)
    default: preconditionFailure("\(source.content) cannot be answered by \(source.answer)")
    }
  }

  func encode(_ text: String, _ pair: String? = nil) throws(Failure) -> Encoding {
    do { return try tokenizer.encode(text, pair: pair, maximumLength: maximumLength) } catch { throw Failure(error) }
  }

  /// - Parameter tokens: the number of tokens; masked language models get their targets later.
  private func target(_ answer: SourceExample.Answer, tokens: Int) throws(Failure) -> Target {
    switch answer {
    case .none: .tokens(Array(repeating: Target.notCounted, count: tokens))
    case .label(let label): .label(try index(of: label))
    case .labels(let given): .labels(try flags(of: given))
    case .value(let value): .value(value)
    case .tags, .answers, .choice: preconditionFailure("a text cannot be answered by \(answer)")
    }
  }

  func index(of label: GivenLabel) throws(Failure) -> Int {
    guard let labels else { preconditionFailure("a label without a vocabulary") }
    do { return try labels.index(of: label) } catch { throw .label(error) }
  }

  private func flags(of given: MultipleLabels) throws(Failure) -> [Bool] {
    guard let labels else { preconditionFailure("labels without a vocabulary") }
    do { return try labels.flags(of: given) } catch { throw .label(error) }
  }
}

extension TruncationReport {
  fileprivate mutating func add(_ features: ExampleEncoder.Features) {
    examples += features.cutTokens > 0 ? 1 : 0
    tokens += features.cutTokens
    words += features.lostWords
    answered += features.hasAnswer ? 1 : 0
    answers += features.hasLostAnswer ? 1 : 0
  }
}
