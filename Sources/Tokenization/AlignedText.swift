/// A text during normalization: UTF-8, with the original scalars that each byte comes from.
struct AlignedText {
  private(set) var bytes: [UInt8] = []
  private var lower: [Int32] = []
  private var upper: [Int32] = []

  init() {}

  /// `text[range]`, which begins at a scalar boundary; `scalars` is the number of original scalars before it.
  init(_ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, scalars: Int) {
    reserve(range.count)
    var count = Int32(scalars)
    UTF8Text.forEachScalar(of: text, in: range) { _, scalar in
      append(text[scalar], from: Int(count)..<Int(count) + 1)
      count += 1
    }
  }

  var count: Int { bytes.count }

  mutating func reserve(_ count: Int) {
    bytes.reserveCapacity(count)
    lower.reserveCapacity(count)
    upper.reserveCapacity(count)
  }

  /// The original scalars that a range comes from; for an empty range, its position.
  func source(of range: Range<Int>) -> Range<Int> {
    guard !range.isEmpty else {
      let at = range.lowerBound < count ? lower[range.lowerBound] : upper.last ?? 0
      return Int(at)..<Int(at)
    }
    return Int(lower[range.lowerBound])..<Int(upper[range.upperBound - 1])
  }

  /// The original scalars that the whole text comes from.
  var source: Range<Int> { source(of: bytes.indices) }

  mutating func append(_ new: some Collection<UInt8>, from source: Range<Int>) {
    bytes.append(contentsOf: new)
    lower.append(contentsOf: repeatElement(Int32(source.lowerBound), count: new.count))
    upper.append(contentsOf: repeatElement(Int32(source.upperBound), count: new.count))
  }

  mutating func append(_ range: Range<Int>, of other: AlignedText) {
    bytes.append(contentsOf: other.bytes[range])
    lower.append(contentsOf: other.lower[range])
    upper.append(contentsOf: other.upper[range])
  }
}
