internal import Checkpoints

/// Reads CoNLL files: a token and its tags per line, a blank line after each sentence.
///
/// Columns are separated by tabs or, in a line without tabs, by spaces. They are named `1`, `2`, …, each a list with an
/// element per token; `tokens` is the first, or the second if the first numbers the tokens of a sentence from 1; `tags`
/// is the last. Lines that begin with `-DOCSTART-` are skipped, as are lines before a sentence that begin with `# `,
/// and those that begin with `#` and a tab if their columns differ from the sentence's.
/// that begin with `#` and a tab if they have other columns than the sentence.
///
/// Ten columns with numbered tokens are CoNLL-U: they are also named `id`, `form`, `lemma`, `upos`, …, `tags` is
/// `upos`, and ranges (`1-2`) and empty nodes (`1.1`) are skipped. A comment `# global.columns = ID FORM …` names the
/// columns (CoNLL-U Plus).
struct ConllReader: RecordReader {
  private let lines: DataLines
  private var columnCount: Int?
  /// The names of the columns, if the file or its format defines them.
  private var names: [String] = []
  /// Whether the first column numbers the tokens; decided by the first sentence with several tokens.
  private var countsTokens: Bool?

  private typealias Row = (line: DataLines.Line, cells: [String])

  private static let conllU = ["id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc"]

  init(lines: DataLines) { self.lines = lines }

  mutating func next() throws(DatasetError) -> Result<DataRecord, DataFault>? {
    while let block = try block() {
      do {
        let rows = try checked(block.get())
        if !rows.isEmpty { return .success(sentence(rows)) }
      } catch {
        return .failure(error)
      }
    }
    return nil
  }

  /// The lines of the next sentence, without comments before it; a fault for a sentence with too many.
  private mutating func block() throws(DatasetError) -> Result<[DataLines.Line], DataFault>? {
    var block: [DataLines.Line] = []
    var excess = 0
    while let line = try lines.next() {
      if line.isBlank || line.begins("-DOCSTART-") {
        if !block.isEmpty { break }
      } else if block.isEmpty, line.begins("# ") || line.bytes?.elementsEqual("#".utf8) == true {
        nameColumns(line)
      } else if block.count < Limits.sentenceWords {
        block.append(line)
      } else {
        excess += 1
      }
    }
    guard let first = block.first else { return nil }
    guard excess == 0 else {
      return .failure(
        lines.fault(
          first, DataLines.tooManyWords(block.count + excess) + " Does a blank line follow each sentence?"))
    }
    return .success(block)
  }

  private mutating func nameColumns(_ comment: DataLines.Line) {
    let words = String(decoding: comment.bytes ?? [], as: UTF8.self).split(separator: " ")
    guard words.count > 3, words[1] == "global.columns", words[2] == "=" else { return }
    names = words[3...].map { $0.lowercased() }
  }

  /// The token rows, checked to have as many columns as previous sentences.
  private mutating func checked(_ block: [DataLines.Line]) throws(DataFault) -> [Row] {
    var rows: [Row] = []
    for line in block {
      let text = try lines.text(line).get()
      let cells =
        text.contains("\t")
        ? text.split(separator: "\t", maxSplits: Limits.columns, omittingEmptySubsequences: false).map(String.init)
        : text.split(separator: " ", maxSplits: Limits.columns).map(String.init)
      guard cells.count <= Limits.columns else {
        throw lines.fault(line, "the line has more than \(Limits.columns) columns.")
      }
      rows.append((line, cells))
    }
    while rows.count > 1, rows[0].line.begins("#\t"), rows[0].cells.count != rows[1].cells.count { rows.removeFirst() }
    for (line, cells) in rows {
      let expected = columnCount ?? max(cells.count, 2)
      guard cells.count == expected else {
        let found = cells.count == 1 ? "1 column" : "\(cells.count) columns"
        let place = columnCount == nil ? "at least 2 columns, a token and its tag" : "\(expected) columns, as above"
        throw lines.fault(line, "expected \(place), found \(found).")
      }
      columnCount = expected
    }
    if columnCount == Self.conllU.count, names.isEmpty, countsTokens != false {
      rows.removeAll { $0.cells[0].contains { "-.".contains($0) } && $0.cells[0].first?.isNumber == true }
    }
    if rows.count > 1, countsTokens == nil { countsTokens = (columnCount ?? 0) > 2 && isCounted(rows) }
    return rows
  }

  /// Whether the first column of a sentence is 1, 2, 3, …
  private func isCounted(_ rows: [Row]) -> Bool { rows.map { $0.cells[0] } == (1...rows.count).map { "\($0)" } }

  private func sentence(_ rows: [Row]) -> DataRecord {
    let count = columnCount ?? 0
    let columns = (0..<count).map { column in JSONValue.array(rows.map { .string($0.cells[column]) }) }
    let counts = countsTokens ?? (count == Self.conllU.count && isCounted(rows))
    let isConllU = counts && count == Self.conllU.count && names.isEmpty
    let names = isConllU ? Self.conllU : self.names.count == count ? self.names : []
    let tokens = names.firstIndex(of: "form") ?? (counts ? 1 : 0)
    let tags = isConllU ? 3 : count - 1
    let named = zip(names, columns).map { (name: $0, value: $1) }
    let numbered = columns.enumerated().map { (name: "\($0.offset + 1)", value: $0.element) }
    return DataRecord(
      path: lines.path, line: rows[0].line.number,
      columns: [("tokens", columns[tokens]), ("tags", columns[tags])] + named + numbered, isTextOnly: true)
  }
}

extension DataLines.Line {
  /// Whether the line begins with an ASCII text.
  fileprivate func begins(_ text: String) -> Bool { bytes?.starts(with: text.utf8) == true }
}
