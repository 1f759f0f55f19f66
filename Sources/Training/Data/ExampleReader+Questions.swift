internal import Checkpoints

extension ExampleReader {
  /// A question, its context, and the answers: `{"text": [...], "answer_start": [...]}` as in SQuAD, a list of
  /// `{"text": ..., "answer_start": ...}`, or texts only, which are searched for.
  func question(_ record: DataRecord) throws(DataFault) -> (SourceExample.Content, SourceExample.Answer) {
    let question = try value(.question, record).string(record)
    let context = try value(.context, record).string(record)
    guard !question.isEmpty, !context.isEmpty else {
      throw record.fault("\(question.isEmpty ? "the question" : "the context") is empty.")
    }
    let scalars = Array(context.unicodeScalars)
    var spans: [AnswerSpan] = []
    for (text, start) in try givenAnswers(value(.answers, record), record) {
      let answer = Array(text.unicodeScalars)
      guard !answer.isEmpty else { continue }
      let found = start.map { scalars.holds(answer, at: $0) ? $0 : nil } ?? scalars.firstIndex(of: answer)
      guard let found else {
        throw record.fault(
          "the answer '\(text.prefix(60))' does not stand "
            + (start.map { "at character \($0) of" } ?? "in") + " the context.")
      }
      spans.append(AnswerSpan(text: text, range: found..<found + answer.count))
    }
    return (.question(question, context: context), .answers(spans))
  }

  private func givenAnswers(
    _ column: ColumnValue, _ record: DataRecord
  ) throws(DataFault) -> [(text: String, start: Int?)] {
    func start(_ value: JSONValue?) throws(DataFault) -> Int? {
      guard let value, value != .null, !(record.isTextOnly && value == .string("")) else { return nil }
      let number: Int? =
        if record.isTextOnly, case .string(let digits) = value { Int(digits) } else { value.wholeNumber }
      guard let start = number else {
        throw ColumnValue(name: "answer_start", value: value).wrong("a whole number", record)
      }
      return start
    }
    switch column.value {
    case .string(let text) where record.isTextOnly && (text.first == "{" || text.first == "["):
      return try givenAnswers(column.parsed(text, record), record)
    case .string(let text):
      return [(text, try start(record.column("answer_start")?.value))]
    case .array(let elements):
      var answers: [(text: String, start: Int?)] = []
      for element in elements {
        answers += try givenAnswers(ColumnValue(name: column.name, value: element), record)
      }
      return answers
    case .object(let members):
      let texts = members["text"].map(\.elements) ?? []
      let starts = members["answer_start"].map(\.elements)
      guard members["text"] != nil, starts == nil || starts?.count == texts.count else {
        throw record.fault("'\(column.name)' must have a 'text' and an 'answer_start' for each answer.")
      }
      var answers: [(text: String, start: Int?)] = []
      for (index, text) in texts.enumerated() {
        let text = try ColumnValue(name: "\(column.name).text", value: text).string(record)
        answers.append((text, try start(starts?[index])))
      }
      return answers
    default: throw column.wrong("answers with 'text' and 'answer_start'", record)
    }
  }

  /// A question, its choices, and the correct one: by index from 0, by its name in the data
  /// (`{"text": [...], "label": ["A", ...]}`), by its letter, or by its text.
  func choices(_ record: DataRecord) throws(DataFault) -> (SourceExample.Content, SourceExample.Answer) {
    let column = try value(.question, record)
    let prompt = try column.string(record)
    if columns[.question] == nil, let other = DataColumns.otherPrompt(than: column.name, in: record.values) {
      throw record.fault(DataColumns.twoPrompts(column.name, other))
    }
    let (texts, names) = try givenChoices(record)
    let given = try value(.label, record)
    let label = try given.label(record)
    if label.isNone { throw record.unlabeled(label) }
    let letters = (0..<min(texts.count, 26)).compactMap { Unicode.Scalar(65 + UInt32($0)).map { String($0) } }
    let answer: Int? =
      switch label {
      case .number(let number): names.firstIndex(of: "\(number)") ?? number
      case .name(let name):
        names.firstIndex(of: name) ?? texts.firstIndex(of: name) ?? letters.firstIndex(of: name)
      }
    guard let answer, texts.indices.contains(answer) else {
      throw given.wrong("one of \(texts.count) choices, counted from 0", record)
    }
    return (.choices(prompt: prompt, texts), .choice(answer))
  }

  /// The choices, at least two, with their names in the data.
  func givenChoices(_ record: DataRecord) throws(DataFault) -> (texts: [String], names: [String]) {
    let given = try readChoices(record)
    guard given.texts.count > 1 else {
      throw record.fault("there must be at least two choices, found \(given.texts.count).")
    }
    return given
  }

  private func readChoices(_ record: DataRecord) throws(DataFault) -> (texts: [String], names: [String]) {
    guard let column = find(.choices, record) else {
      let columns = numberedChoices(record)
      guard !columns.isEmpty else { throw record.fault("'choices' is missing.") }
      var texts: [String] = []
      for column in columns { texts.append(try column.string(record)) }
      return (texts, [])
    }
    guard case .object(let members) = column.value else { return (try column.strings(record), []) }
    guard let texts = members["text"] else {
      throw record.fault("'\(column.name)' must be a list, or have a list 'text'.")
    }
    let names = members["label"].map(\.elements) ?? []
    return (
      try ColumnValue(name: "\(column.name).text", value: texts).strings(record),
      names.compactMap { GivenLabel($0, isTextOnly: false)?.description }
    )
  }
}

extension JSONValue {
  /// The elements of a list; any other value as a single element.
  fileprivate var elements: [JSONValue] { if case .array(let elements) = self { elements } else { [self] } }
}

extension [Unicode.Scalar] {
  fileprivate func holds(_ part: [Unicode.Scalar], at start: Int) -> Bool {
    start >= 0 && start <= count - part.count && self[start..<start + part.count].elementsEqual(part)
  }

  /// The index of the first occurrence of a part.
  fileprivate func firstIndex(of part: [Unicode.Scalar]) -> Int? {
    guard part.count <= count else { return nil }
    return (0...count - part.count).first { holds(part, at: $0) }
  }
}
