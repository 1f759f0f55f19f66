internal import Checkpoints
internal import Files
internal import Glibc
public import Tokenization

/// Why a data set cannot be used.
public enum DatasetError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The file cannot be read; `code` is the system's error number.
  case unreadable(path: String, code: Int32)
  /// The compressed data are corrupt; the reason ends a sentence about the file.
  case damaged(path: String, reason: String)
  /// No line ends within `Limits.endlessLineBytes`.
  case endlessLine(path: String, line: Int)
  /// The file is not UTF-8 text.
  case foreignContent(path: String, found: String, remedy: String)
  /// The file name does not indicate a format.
  case unknownFormat(path: String)
  /// The file contains no examples.
  case empty(path: String)
  /// No column has one of the names for a part that the task requires.
  case missingColumn(DataColumns.Role, wanted: [String], found: [String], path: String)
  /// A column of flags is missing: one that is named, or that of a label of the head.
  case missingFlags(String, found: [String], path: String)
  /// Every row of a table has one word, where sentences are expected.
  case wordsInRows(path: String)
  /// Two columns share a name that is read.
  case repeatedColumn(String, path: String)
  /// Every example is marked as having no label.
  case noLabels(DataFaults)
  /// A label is not in the vocabulary.
  case label(LabelError, path: String, line: Int)
  /// A quoted field extends to the end of the file.
  case openQuote(path: String, line: Int)
  /// Something that all records depend on is malformed: a table's header, or the array that contains them.
  case malformed(path: String, line: Int, reason: String)
  /// The number of malformed lines exceeds the tolerance.
  case tooManyFaults(DataFaults)
  /// The texts cannot be tokenized.
  case tokenizer(TokenizerError)
  /// No window contains a complete answer, so there is nothing to learn.
  case lostAnswers(TruncationReport, maximumLength: Int, path: String)
  /// A masked language model needs a mask token, but the tokenizer has none.
  case noMaskToken

  public var description: String {
    switch self {
    case .unreadable(let path, let code):
      "\(path): the data cannot be read (\(String(cString: strerror(code))))."
    case .damaged(let path, let reason): "\(path): the data cannot be read: the file \(reason)."
    case .endlessLine(let path, let line):
      "\(path), line \(line): no line ends within \(Limits.endlessLineBytes) bytes; expected a record on each line."
    case .foreignContent(let path, let found, let remedy):
      "\(path): the file is \(found), and data are read as UTF-8 text; \(remedy)."
    case .unknownFormat(let path):
      "\(path): its name does not tell how it is written; expected an end like "
        + ".jsonl, .csv, .tsv, .conll or .txt, with .gz or .xz after it if it is compressed. Give the format."
    case .empty(let path): "\(path): no example is in it. Is it the right file, in the right format?"
    case .missingColumn(let role, let wanted, let found, let path):
      "\(path): no column for the \(role.rawValue): looked for \(wanted.quoted), "
        + (found.isEmpty ? "found no columns." : "found \(found.quoted). \(Self.advice(role, wanted, found))")
    case .missingFlags(let name, let found, let path):
      "\(path): no column of flags for the label '\(name)': found \(found.quoted). Name the column of every label: "
        + "--column label=NAME, once for each."
    case .wordsInRows(let path):
      "\(path): every row holds one word. A row is a sentence: write its words and tags as lists, or write CoNLL, a line "
        + "for each word and an empty line after each sentence."
    case .repeatedColumn(let name, let path):
      "\(path): two columns are called '\(name)', and one of them is read. Rename the other, or name another column."
    case .noLabels(let faults):
      "\(faults.path): none of the \(faults.records) records has a label. The first: "
        + "\(faults.firstUnlabeled?.description ?? "") If this number is a class, name all classes with --labels."
    case .label(let error, let path, let line): "\(path), line \(line): \(error)"
    case .openQuote(let path, let line):
      "\(path), line \(line): a quote opens here, and the file ends before it closes. "
        + "Write a quote inside a quoted field as two."
    case .malformed(let path, let line, let reason): "\(path), line \(line): \(reason)"
    case .tooManyFaults(let faults):
      "\(faults.path): \(faults.count) of \(faults.records) records cannot be used. The first:\n"
        + faults.first.prefix(3).map { "  \($0)" }.joined(separator: "\n")
    case .tokenizer(let error): error.description
    case .lostAnswers(let report, let length, let path):
      "\(path): \(report.answers) of \(report.answered) answers were cut off: no window of \(length) tokens holds one "
        + "whole. Make windows longer with --max-length."
    case .noMaskToken:
      "The tokenizer has no mask token; a masked language model needs one. "
        + "Look for 'mask_token' in its tokenizer_config.json."
    }
  }
}

extension DatasetError {
  /// How to name a part's column, with the most similar existing one.
  private static func advice(_ role: DataColumns.Role, _ wanted: [String], _ found: [String]) -> String {
    if found.count == 1, let name = found.first, let separator = [",", ";", "|"].first(where: name.contains) {
      return
        "Only one column was found: are they separated by '\(separator)'? Then it is CSV: name the file so, or the format."
    }
    if role == .question, found.contains("startphrase") {
      return "The columns are SWAG's: its 'startphrase' is 'sent1' and 'sent2' together. Name it: "
        + "--column question=startphrase."
    }
    let near = wanted.lazy.compactMap { NearestNames.of($0, in: found, limit: 1).first }.first
    return near.map { "Did you mean '\($0)'? Then name it: --column \(role.rawValue)=\($0)." }
      ?? "Name the column that holds it: --column \(role.rawValue)=NAME."
  }
}

extension Sequence where Element == String {
  /// The names in single quotes, separated by commas.
  var quoted: String { map { "'\($0)'" }.joined(separator: ", ") }
}

extension DatasetError {
  /// Why a file cannot be read.
  init(_ error: FileError, path: String) {
    switch error {
    case .refused(_, _, let code): self = .unreadable(path: path, code: code)
    case .unexpected(_, let reason): self = .damaged(path: path, reason: reason)
    }
  }
}
