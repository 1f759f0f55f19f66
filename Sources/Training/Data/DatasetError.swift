internal import Checkpoints
internal import Glibc
public import Tokenization

/// Why a data set cannot be used.
public enum DatasetError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The file cannot be read; `code` is the system's error number.
  case unreadable(path: String, code: Int32)
  /// No line ends within ``Limits/endlessLineBytes``.
  case endlessLine(path: String, line: Int)
  /// The file's name does not tell its format.
  case unknownFormat(path: String)
  /// The file holds no example.
  case empty(path: String)
  /// No column has a name under which the task looks for a part of its examples.
  case missingColumn(DataColumns.Role, wanted: [String], found: [String], path: String)
  /// A label is not one of the vocabulary.
  case label(LabelError, path: String, line: Int)
  /// A quoted field goes on to the end of the file.
  case openQuote(path: String, line: Int)
  /// More lines are malformed than is tolerated.
  case tooManyFaults(DataFaults)
  /// The texts cannot be cut into tokens.
  case tokenizer(TokenizerError)
  /// A masked language model needs a mask token, and the tokenizer has none.
  case noMaskToken

  public var description: String {
    switch self {
    case .unreadable(let path, let code):
      "\(path): the data cannot be read (\(String(cString: strerror(code))))."
    case .endlessLine(let path, let line):
      "\(path), line \(line): no line ends within \(Limits.endlessLineBytes) bytes; expected a record on each line."
    case .unknownFormat(let path):
      "\(path): its name does not tell how it is written; expected an end like "
        + ".jsonl, .csv, .tsv, .conll or .txt. Give the format, and decompress the file if it is compressed."
    case .empty(let path): "\(path): no example is in it. Is it the right file, in the right format?"
    case .missingColumn(let role, let wanted, let found, let path):
      "\(path): no column for the \(role.rawValue): looked for \(wanted.quoted), "
        + (found.isEmpty ? "found no columns." : "found \(found.quoted). Name the column that holds it.")
    case .label(let error, let path, let line): "\(path), line \(line): \(error)"
    case .openQuote(let path, let line):
      "\(path), line \(line): a quote opens here, and the file ends before it closes. "
        + "Write a quote inside a quoted field as two."
    case .tooManyFaults(let faults):
      "\(faults.path): \(faults.count) of \(faults.records) records cannot be used. The first:\n"
        + faults.first.prefix(3).map { "  \($0)" }.joined(separator: "\n")
    case .tokenizer(let error): error.description
    case .noMaskToken:
      "The tokenizer has no mask token; a masked language model needs one. "
        + "Look for 'mask_token' in its tokenizer_config.json."
    }
  }
}

extension Sequence where Element == String {
  /// The names in single quotes, with commas between.
  var quoted: String { map { "'\($0)'" }.joined(separator: ", ") }
}
