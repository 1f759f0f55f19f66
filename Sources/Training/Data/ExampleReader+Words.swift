internal import Tokenization

extension ExampleReader {
  /// A sentence with a label for each word.
  ///
  /// The words are those of a list, put together with spaces between, or
  /// those of a text as Python's `str.split()` cuts it.
  func tagging(_ record: DataRecord) throws(DataFault) -> (SourceExample.Content, SourceExample.Answer) {
    let sentence: (text: String, ranges: [Range<Int>])
    if let tokens = find(.tokens, record) {
      sentence = Self.joined(try tokens.strings(record))
    } else {
      let text = try value(.text, record).string(record)
      sentence = (text, Words(text).ranges)
    }
    let tags = try value(.tags, record)
    let labels = try tags.tags(record).map { tag in tag.flatMap { isNone($0) ? nil : $0 } }
    guard !sentence.ranges.isEmpty else { throw record.fault("there are no words.") }
    guard labels.count == sentence.ranges.count else {
      throw record.fault(
        "there must be a label for each word; the words are \(sentence.ranges.count), "
          + "and the labels in '\(tags.name)' are \(labels.count).")
    }
    return (.words(sentence.text, ranges: sentence.ranges), .tags(labels))
  }

  /// Words with spaces between, and where they stand: in scalars.
  static func joined(_ words: [String]) -> (text: String, ranges: [Range<Int>]) {
    var start = 0
    let ranges = words.map { word in
      let range = start..<start + word.unicodeScalars.count
      start = range.upperBound + 1
      return range
    }
    return (words.joined(separator: " "), ranges)
  }
}
