public import Tokenization

/// Cuts examples into tokens.
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
  /// For multiple choice, how many choices each example must have; nil: as many as the first.
  public let choices: Int?

  /// - Parameters:
  ///   - labels: what the labels of classes and tags are counted by; those tasks need it.
  ///   - maximumLength: the most tokens of a sequence, specials included; nil for no limit.
  ///   - choices: how many choices each example must have; nil: as many as the first.
  ///   - task: what the examples are for.
  ///   - tokenizer: the base model's.
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

  /// Cuts all examples of a file.
  ///
  /// An example that leaves no room for the context of its question, or that
  /// has another number of choices, is a fault of the data.
  /// - Parameters:
  ///   - source: the examples, read for the same task.
  ///   - use: what the examples are for; it decides how questions with long contexts are read.
  /// - Throws: ``DatasetError``: a label that is not known, more faults than
  ///   `source` tolerates, a text that the tokenizer refuses, or answers that are all cut off.
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

  /// What examples are for.
  public enum Use: Sendable, Hashable {
    /// To learn from: each window of a question is an example.
    case training
    /// To be judged by: all windows of a question are one example, and what is right is kept.
    case evaluation
  }

  /// The examples that a record makes, and what was lost on the way.
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
      // These are about one text; the others are not to be lost with it.
      case .textTooLong, .normalizedTooLong: self = .example(error.description)
      default: self = .tokenizer(error)
      }
    }
  }

  /// - Parameters:
  ///   - source: the record.
  ///   - use: what the examples are for.
  ///   - choices: how many choices there must be; nil for any number.
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

  /// - Parameter tokens: how many there are; masked language models are requested none of them yet.
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
