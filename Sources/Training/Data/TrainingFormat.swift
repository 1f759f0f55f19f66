internal import Files

/// How a data file is written.
///
/// All are UTF-8, compressed with gzip or xz or not; lines end in LF or CR LF; a byte order mark at the start is left out.
public enum TrainingFormat: String, Sendable, Hashable, CaseIterable {
  /// A JSON object in each line, blank lines hold nothing; or one JSON array of objects; or an object with these
  /// as its list `data`, as SQuAD has it.
  case jsonLines = "jsonl"
  /// RFC 4180: commas, `"quoted"` fields with `""` for a quote and with line ends; the first line names the columns.
  /// Semicolons, tabs or bars between the fields are recognized by that line.
  case csv
  /// Fields between tabs, taken as they stand; the first line names the columns.
  case tsv
  /// A token and its tags in each line, between tabs or else spaces; a blank line ends a sentence. Lines that begin with `# ` before
  /// a sentence are comments; in CoNLL-U the words are the forms, and the tags `upos`.
  case conll
  /// A text in each line; blank lines hold nothing.
  case text = "txt"

  /// The format that a file's name tells, without an end such as `.gz`.
  ///
  /// `.txt` is ``conll`` for tagging, where texts without tags are of no use, and ``text`` otherwise.
  /// - Throws: ``DatasetError/unknownFormat(path:)``.
  public init(path: String, for task: TrainingTask) throws(DatasetError) {
    switch FilePaths.contentExtension(of: path) {
    case "jsonl", "ndjson", "json": self = .jsonLines
    case "csv": self = .csv
    case "tsv", "tab": self = .tsv
    case "conll", "conllu", "conll03", "bio", "iob", "iob2", "bilou", "bioes": self = .conll
    case "txt", "text": self = task == .tagging ? .conll : .text
    default: throw .unknownFormat(path: path)
    }
  }
}
