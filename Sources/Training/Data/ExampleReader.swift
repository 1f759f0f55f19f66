internal import Checkpoints

/// Makes examples of records: looks for the columns that a task needs, and reads each as what it must be.
struct ExampleReader {
  let task: TrainingTask
  let columns: DataColumns

  /// Checks that a record, of which all others have the form, has the columns that the task needs.
  ///
  /// - Throws: ``DatasetError/missingColumn(_:wanted:found:path:)``.
  func checkColumns(of record: DataRecord) throws(DatasetError) {
    let roles: [DataColumns.Role] =
      switch task {
      case .classification, .multilabelClassification, .regression: [.text, .label]
      case .tagging: [has(.tokens, record) || columns[.tokens] != nil ? .tokens : .text, .tags]
      case .questionAnswering: [.question, .context, .answers]
      case .multipleChoice: numberedChoices(record).isEmpty ? [.question, .choices, .label] : [.question, .label]
      case .maskedLM: [.text]
      }
    let named = DataColumns.Role.allCases.filter { columns[$0] != nil && !roles.contains($0) && isRead($0) }
    for role in roles + named where !has(role, record) {
      throw .missingColumn(role, wanted: columns.candidates(role, for: task), found: record.names, path: record.path)
    }
  }

  func example(_ record: DataRecord) throws(DataFault) -> SourceExample {
    let (content, answer) = try contentAndAnswer(record)
    return SourceExample(line: record.line, content: content, answer: answer)
  }

  private func contentAndAnswer(
    _ record: DataRecord
  ) throws(DataFault) -> (SourceExample.Content, SourceExample.Answer) {
    switch task {
    case .classification: (try texts(record), .label(try value(.label, record).label(record)))
    case .multilabelClassification: (try texts(record), .labels(try value(.label, record).labels(record)))
    case .regression: (try texts(record), .value(try value(.label, record).float(record)))
    case .tagging: try tagging(record)
    case .questionAnswering: try question(record)
    case .multipleChoice: try choices(record)
    case .maskedLM: (.text(try value(.text, record).string(record), pair: nil), .none)
    }
  }

  private func texts(_ record: DataRecord) throws(DataFault) -> SourceExample.Content {
    let pair = find(.pair, record)
    return .text(try value(.text, record).string(record), pair: try pair?.string(record))
  }

  // MARK: - Columns

  /// Whether the task reads a part that it can do without.
  private func isRead(_ role: DataColumns.Role) -> Bool {
    switch task {
    case .classification, .multilabelClassification, .regression: role == .pair
    default: false
    }
  }

  private func has(_ role: DataColumns.Role, _ record: DataRecord) -> Bool {
    columns.candidates(role, for: task).contains { record.values[$0] != nil }
  }

  /// The value of a part; nil if it is missing or null.
  func find(_ role: DataColumns.Role, _ record: DataRecord) -> ColumnValue? {
    for name in columns.candidates(role, for: task) {
      if let value = record.values[name], value != .null { return ColumnValue(name: name, value: value) }
    }
    return nil
  }

  func value(_ role: DataColumns.Role, _ record: DataRecord) throws(DataFault) -> ColumnValue {
    if let value = find(role, record) { return value }
    let names = columns.candidates(role, for: task)
    let name = names.first { record.values[$0] != nil } ?? names.first ?? role.rawValue
    throw record.fault("'\(name)' is missing.")
  }

  /// Choices that stand in a column each: `choice0`, `choice1`, … or `ending0`, …; they may count from 1.
  func numberedChoices(_ record: DataRecord) -> [ColumnValue] {
    if columns[.choices] != nil { return [] }
    for prefix in ["choice", "ending"] {
      let numbers = record.names.filter { $0.hasPrefix(prefix) }.compactMap { Int($0.dropFirst(prefix.count)) }
      if numbers.count > 1 {
        return numbers.sorted().map { number in
          ColumnValue(name: "\(prefix)\(number)", value: record.values["\(prefix)\(number)"] ?? .null)
        }
      }
    }
    return []
  }
}
