internal import Foundation

/// The rules for text that goes into a column.
enum StoredText {
  /// Names, kinds, methods, in bytes of UTF-8.
  static let nameLimit = 1000
  static let pathLimit = 16_384
  static let compositionLimit = 65_536
  static let notesLimit = 1 << 20
  static let jsonLimit = 16 << 20

  /// SQLite's functions end a text at a NUL, so none is let in.
  static func check(
    _ text: String, what: String, mayBeEmpty: Bool = true, upTo limit: Int = nameLimit
  ) throws(RegistryError) {
    if text.utf8.contains(0) { throw .badValue(what: what, reason: "it contains a NUL character") }
    if text.isEmpty && !mayBeEmpty { throw .badValue(what: what, reason: "it is empty") }
    if text.utf8.count > limit {
      throw .badValue(what: what, reason: "it has \(text.utf8.count) bytes; at most \(limit) are kept")
    }
  }

  static func checkObject(_ text: String, what: String) throws(RegistryError) {
    try check(text, what: what, upTo: jsonLimit)
    let value: Any
    do { value = try JSONSerialization.jsonObject(with: Data(text.utf8)) } catch {
      throw .badValue(what: what, reason: "it is not JSON")
    }
    guard value is [String: Any] else { throw .badValue(what: what, reason: "it is JSON, but not an object") }
  }

  static func isObject(_ text: String) -> Bool { (try? checkObject(text, what: "")) != nil }

  static func checkCount(_ count: Int) throws(RegistryError) {
    if count < 0 { throw .badValue(what: "the number of parameters", reason: "it is \(count)") }
  }
}
