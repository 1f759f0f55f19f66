internal import Checkpoints

/// Turns records into examples: looks up the columns that a task needs, and converts their values.
struct ExampleReader {
  let task: TrainingTask
  private(set) var columns: DataColumns
  /// The labels that are known beforehand: of these, `-1` and `-100` are labels like any other.
  var labels: Set<String> = []

  /// Checks that a record, which represents all others, has the columns that the task needs.
  ///
  /// - Throws: ``DatasetError/missingColumn(_:wanted:found:path:)``, ``DatasetError/repeatedColumn(_:path:)``.
  func checkColumns(of record: DataRecord) throws(DatasetError) {
    let roles: [DataColumns.Role] =
      switch task {
      case .multilabelClassification where !columns.flags.isEmpty: [.text]
      case .classification, .multilabelClassification, .regression: [.text, .label]
      case .tagging: [column(.tokens, record) != nil || columns[.tokens] != nil ? .tokens : .text, .tags]
      case .questionAnswering: [.question, .context, .answers]
      case .multipleChoice: numberedChoices(record).isEmpty ? [.question, .choices, .label] : [.question, .label]
      case .maskedLM: [.text]
      }
    let named = DataColumns.Role.allCases.filter { columns[$0] != nil && !roles.contains($0) && task.reads($0) }
    for role in roles + named where column(role, record) == nil {
      throw .missingColumn(role, wanted: columns.candidates(role, for: task), found: record.names, path: record.path)
    }
    for name in columns.flags where record.column(name) == nil {
      throw .missingFlags(name, found: record.names, path: record.path)
    }
    if !columns.flags.isEmpty, let label = labels.subtracting(columns.flags).min() {
      throw .missingFlags(label, found: columns.flags, path: record.path)
    }
    for name in columns.flags where record.names.count(where: { $0 == name }) > 1 {
      throw .repeatedColumn(name, path: record.path)
    }
    for role in DataColumns.Role.allCases where task.reads(role) {
      guard let name = column(role, record)?.name else { continue }
      if record.names.count(where: { $0 == name }) > 1 { throw .repeatedColumn(name, path: record.path) }
    }
  }

  /// Reads flags, where no column lists the labels and each label has a column of its name.
  mutating func readFlags(ofLabels names: [String], in record: DataRecord) {
    guard task == .multilabelClassification, columns.flags.isEmpty, column(.label, record) == nil,
      columns[.label] == nil, names.allSatisfy({ record.values[$0] != nil })
    else { return }
    columns.flags = names
  }

  /// The column names to look up.
  var wantedNames: [String] {
    DataColumns.Role.allCases.filter(task.reads).flatMap { columns.candidates($0, for: task) } + columns.flags
  }

  func example(_ record: DataRecord) throws(DataFault) -> SourceExample {
    let (content, answer) = try contentAndAnswer(record)
    return SourceExample(line: record.line, content: content, answer: answer)
  }

  private func contentAndAnswer(
    _ record: DataRecord
  ) throws(DataFault) -> (SourceExample.Content, SourceExample.Answer) {
    switch task {
    case .classification: (try texts(record), .label(try gold(value(.label, record).label(record), record)))
    case .multilabelClassification: (try texts(record), .labels(try labels(record)))
    case .regression: (try texts(record), .value(try value(.label, record).float(record)))
    case .tagging: try tagging(record)
    case .questionAnswering: try question(record)
    case .multipleChoice: try choices(record)
    case .maskedLM: (.text(try value(.text, record).string(record), pair: nil), .none)
    }
  }

  private func texts(_ record: DataRecord) throws(DataFault) -> SourceExample.Content {
    let text = try value(.text, record)
    let names = columns[.pair].map { [$0] } ?? DataColumns.Role.usualPairNames(beside: text.name)
    let pair = try find(names, record)?.string(record)
    // An empty cell of a table is no text, as pandas reads it.
    return .text(try text.string(record), pair: record.isTextOnly && pair == "" ? nil : pair)
  }

  private func labels(_ record: DataRecord) throws(DataFault) -> MultipleLabels {
    if !columns.flags.isEmpty { return .listed(try flaggedLabels(record)) }
    let labels = try value(.label, record).labels(record)
    if case .listed(let listed) = labels { for label in listed { _ = try gold(label, record) } }
    return labels
  }

  /// The labels whose columns say that they apply.
  private func flaggedLabels(_ record: DataRecord) throws(DataFault) -> [GivenLabel] {
    var labels: [GivenLabel] = []
    for name in columns.flags {
      guard let column = record.column(name) else { throw record.fault("'\(name)' is missing.") }
      let given = try column.label(record)
      if given.isNone { throw record.unlabeled(given) }
      guard let applies = given.flag else { throw column.wrong("0 or 1", record) }
      if applies { labels.append(.name(name)) }
    }
    return labels
  }

  /// The label, if it is a gold label.
  private func gold(_ label: GivenLabel, _ record: DataRecord) throws(DataFault) -> GivenLabel {
    if isNone(label) { throw record.unlabeled(label) }
    return label
  }

  /// Whether a number means 'no gold label'.
  func isNone(_ label: GivenLabel) -> Bool { label.isNone && !labels.contains(label.description) }

  // MARK: - Columns

  /// The column of a part, with or without a value: by exact name first, then ignoring case.
  private func column(_ role: DataColumns.Role, _ record: DataRecord) -> ColumnValue? {
    let names = columns.candidates(role, for: task)
    if let name = names.first(where: { record.values[$0] != nil }) { return record.column(name) }
    return names.lazy.compactMap { record.column($0) }.first
  }

  /// The value of a part; nil if it is missing or null.
  func find(_ role: DataColumns.Role, _ record: DataRecord) -> ColumnValue? {
    find(columns.candidates(role, for: task), record)
  }

  private func find(_ names: [String], _ record: DataRecord) -> ColumnValue? {
    for name in names {
      if let value = record.values[name], value != .null { return ColumnValue(name: name, value: value) }
    }
    return names.lazy.compactMap { record.column($0) }.first { $0.value != .null }
  }

  func value(_ role: DataColumns.Role, _ record: DataRecord) throws(DataFault) -> ColumnValue {
    if let value = find(role, record) { return value }
    let names = columns.candidates(role, for: task)
    let name = column(role, record)?.name ?? names.first ?? role.rawValue
    throw record.fault("'\(name)' is missing.")
  }

  /// Choices in separate columns: `choice0`, `choice1`, … or `ending0`, …; they may be numbered from 1.
  func numberedChoices(_ record: DataRecord) -> [ColumnValue] {
    if columns[.choices] != nil { return [] }
    for prefix in ["choice", "ending"] {
      let numbered = record.names.compactMap { name -> (number: Int, name: String)? in
        let folded = name.foldedColumnName
        guard folded.hasPrefix(prefix) else { return nil }
        return Int(folded.dropFirst(prefix.count)).map { ($0, name) }
      }
      if numbered.count > 1 {
        return numbered.sorted { $0.number < $1.number }.map { _, name in
          ColumnValue(name: name, value: record.values[name] ?? .null)
        }
      }
    }
    return []
  }
}

extension TrainingTask {
  /// Whether examples of the task have this part, or can have it.
  public func reads(_ role: DataColumns.Role) -> Bool {
    switch role {
    case .text: self != .questionAnswering && self != .multipleChoice
    case .pair: self == .classification || self == .multilabelClassification || self == .regression
    case .label:
      self == .classification || self == .multilabelClassification || self == .regression || self == .multipleChoice
    case .tokens, .tags: self == .tagging
    case .question: self == .questionAnswering || self == .multipleChoice
    case .context, .answers: self == .questionAnswering
    case .choices: self == .multipleChoice
    }
  }
}
