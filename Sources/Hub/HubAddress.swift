/// A repository of the Hub at some revision: `hf:ORG/NAME`, `hf:ORG/NAME@REV`.
public struct HubAddress: Hashable, Sendable, CustomStringConvertible {
  /// What an address begins with.
  public static let prefix = "hf:"

  /// `ORG/NAME`, or the name alone of a repository that belongs to nobody.
  public let repository: String
  /// A branch, a tag, a pull request (`refs/pr/1`) or a commit, if one is named.
  public let revision: String?

  /// Whether a text is meant as an address, well formed or not.
  public static func isMeant(by text: String) -> Bool { text.hasPrefix(prefix) }

  /// - Throws: ``HubError/badAddress(_:reason:)`` for a text with other characters than names on the Hub have.
  public init(_ text: String) throws(HubError) {
    guard Self.isMeant(by: text) else { throw .badAddress(text, reason: "it does not begin with '\(Self.prefix)'") }
    let rest = text.dropFirst(Self.prefix.count)
    let sign = rest.firstIndex(of: "@")
    repository = String(rest[..<(sign ?? rest.endIndex)])
    revision = sign.map { String(rest[rest.index(after: $0)...]) }
    if let reason = Self.objection(toRepository: repository) { throw .badAddress(text, reason: reason) }
    if let revision, let reason = Self.objection(toRevision: revision) { throw .badAddress(text, reason: reason) }
  }

  private init(repository: String, revision: String?) { (self.repository, self.revision) = (repository, revision) }

  /// The same repository at another revision.
  public func at(_ revision: String?) -> HubAddress { HubAddress(repository: repository, revision: revision) }

  /// The organization or user; nil for a repository that belongs to nobody.
  public var owner: String? {
    repository.firstIndex(of: "/").map { String(repository[..<$0]) }
  }

  /// The name without its owner.
  public var name: String { String(repository.split(separator: "/").last ?? "") }

  /// The revision, `main` unless one is named.
  public var branch: String { revision ?? "main" }

  /// The commit, if the revision is one: 40 hexadecimal digits.
  public var commit: String? { revision.flatMap { Self.isCommit($0) ? $0 : nil } }

  public var description: String { Self.prefix + repository + (revision.map { "@" + $0 } ?? "") }

  /// Whether a text is the full name of a commit.
  static func isCommit(_ text: String) -> Bool { text.isHexadecimal(digits: 40) }

  /// Source: huggingface_hub, `validate_repo_id`.
  private static func objection(toRepository text: String) -> String? {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), !parts.contains("") else { return "expected hf:ORG/NAME" }
    guard text.utf8.count <= 96 else { return "the name is longer than 96 characters" }
    for part in parts {
      guard part.utf8.allSatisfy(\.isInNames) else {
        return "names have letters, digits, '-', '_' and '.'"
      }
      guard let first = part.first, let last = part.last, !"-.".contains(first), !"-.".contains(last) else {
        return "a name neither begins nor ends with '-' or '.'"
      }
      if part.contains("--") || part.contains("..") { return "a name has neither '--' nor '..'" }
    }
    return text.hasSuffix(".git") ? "a name does not end with '.git'" : nil
  }

  private static func objection(toRevision text: String) -> String? {
    guard !text.isEmpty else { return "no revision follows the '@'" }
    guard text.utf8.count <= 250 else { return "the revision is longer than 250 characters" }
    guard text.utf8.allSatisfy({ $0.isInNames || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "+") }) else {
      return "revisions have letters, digits, '-', '_', '.', '+' and '/'"
    }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.allSatisfy({ part in part.first.map { !"-.".contains($0) } ?? false }), !text.contains("..") else {
      return "no part of a revision is empty or begins with '-' or '.'"
    }
    return nil
  }
}

extension UInt8 {
  /// Whether the character may stand in the name of a repository.
  fileprivate var isInNames: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
      true
    default: false
    }
  }
}

extension String {
  /// Whether the text is so many lower-case hexadecimal digits.
  func isHexadecimal(digits: Int) -> Bool {
    utf8.count == digits
      && utf8.allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
      }
  }
}
