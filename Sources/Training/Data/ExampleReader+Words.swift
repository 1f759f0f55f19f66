internal import Checkpoints

extension ExampleReader {
  /// A sentence with a label for each word.
  ///
  /// The words are those of a list, joined with spaces, or those of a text, split like Python's `str.split()`.
  func tagging(_ record: DataRecord) throws(DataFault) -> (SourceExample.Content, SourceExample.Answer) {
    let sentence =
      if let tokens = find(.tokens, record) { Sentence(words: try tokens.strings(record)) } else {
        Sentence(try value(.text, record).string(record))
      }
    let tags = try value(.tags, record)
    let labels = try tags.tags(record).map { tag in tag.flatMap { isNone($0) ? nil : $0 } }
    guard !sentence.ranges.isEmpty else { throw record.fault("there are no words.") }
    guard sentence.ranges.count <= Limits.sentenceWords else {
      throw record.fault(DataLines.tooManyWords(sentence.ranges.count))
    }
    guard labels.count == sentence.ranges.count else {
      throw record.fault(
        "there must be a label for each word; the words are \(sentence.ranges.count), "
          + "and the labels in '\(tags.name)' are \(labels.count).")
    }
    return (.words(sentence), .tags(labels))
  }
}
