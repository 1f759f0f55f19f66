internal import Files

/// The format of a data file.
///
/// All are UTF-8, optionally compressed with gzip or xz; lines end in LF or CR LF; a byte order mark is skipped.
public enum TrainingFormat: String, Sendable, Hashable, CaseIterable {
  /// One JSON object per line, ignoring blank lines; or one JSON array of objects; or an object that contains them in
  /// its list `data`, as in SQuAD.
  case jsonLines = "jsonl"
  /// RFC 4180: commas, `"quoted"` fields with `""` for a quote and with line ends; the first line names the columns.
  /// Semicolons, tabs or bars as separators are detected in that line.
  case csv
  /// Tab-separated fields without quoting; the first line names the columns.
  case tsv
  /// A token and its tags per line, separated by tabs or else spaces; a blank line ends a sentence. Lines that begin
  /// with `# ` before a sentence are comments; in CoNLL-U the words are the forms, and the tags `upos`.
  case conll
  /// One text per line, ignoring blank lines.
  case text = "txt"

  /// The format indicated by a file's name, ignoring a suffix such as `.gz`.
  ///
  /// `.txt` is ``conll`` for tagging, which needs tags, and ``text`` otherwise.
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
