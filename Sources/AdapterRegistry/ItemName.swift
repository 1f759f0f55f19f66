import Foundation

/// A name that a base model, an adapter, a fusion or a setup may have.
///
/// An adapter's folder is called like the adapter, and names stand in
/// compositions such as `Parallel(a, b)` and in options such as `NAME=DIR`.
/// So a name has 1 to 128 Unicode scalars and at most 200 bytes of UTF-8, in
/// composed form (NFC); it is made of letters, digits, marks and
/// punctuation, without white space, without `/`, `\` and `,()[]=`, does
/// not begin with `.` or `-`, and does not contain `..`.
public struct ItemName: Hashable, Sendable, CustomStringConvertible {
  /// The name itself.
  public let text: String

  /// Checks a name.
  ///
  /// - Throws: ``RegistryError/badName(kind:name:reason:)`` with the first
  ///   rule that is broken.
  public init(_ text: String, for kind: ItemKind) throws(RegistryError) {
    if let reason = Self.objection(to: text) {
      throw .badName(kind: kind, name: text, reason: reason)
    }
    self.text = text
  }

  public var description: String { text }

  /// The rule that the text breaks, as the end of a sentence; nil if none.
  private static func objection(to text: String) -> String? {
    if text.isEmpty { return "it is empty" }
    let scalars = text.unicodeScalars
    if scalars.count > 128 { return "it has \(scalars.count) characters; 128 are allowed" }
    if text.utf8.count > 200 { return "it has \(text.utf8.count) bytes of UTF-8; 200 are allowed" }
    for scalar in scalars {
      if forbidden.contains(scalar) { return "it contains '\(scalar)'" }
      if !isAllowed(scalar) { return "it contains \(spelled(scalar)), which is no letter, digit or punctuation" }
    }
    if text.hasPrefix(".") { return "it begins with '.'" }
    if text.hasPrefix("-") { return "it begins with '-'" }
    if text.contains("..") { return "it contains '..'" }
    if !text.precomposedStringWithCanonicalMapping.unicodeScalars.elementsEqual(scalars) {
      return "it is not in composed form (NFC)"
    }
    return nil
  }

  private static let forbidden = Set("/\\,()[]=".unicodeScalars)

  private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
      .nonspacingMark, .spacingMark, .decimalNumber, .letterNumber, .otherNumber,
      .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
      .initialPunctuation, .finalPunctuation, .otherPunctuation, .mathSymbol, .currencySymbol:
      !scalar.properties.isEmojiPresentation && !scalar.properties.isVariationSelector
    default: false
    }
  }

  private static func spelled(_ scalar: Unicode.Scalar) -> String {
    "U+" + String(repeating: "0", count: max(0, 4 - String(scalar.value, radix: 16).count))
      + String(scalar.value, radix: 16, uppercase: true)
  }
}
