/// What a row of the registry is about.
public enum ItemKind: String, Hashable, Sendable, Codable, CaseIterable {
  case model, adapter, fusion, setup, tag

  var withArticle: String { (self == .adapter ? "an " : "a ") + rawValue }
}

/// Something that owns a folder.
public struct Owner: Hashable, Sendable, Codable, CustomStringConvertible {
  /// What it is: a model, an adapter or a fusion.
  public let kind: ItemKind
  /// Its name.
  public let name: String
  /// The base model that it belongs to; nil for a base model.
  public let model: String?

  public var description: String {
    "the \(kind.rawValue) '\(name)'" + (model.map { " of the base model '\($0)'" } ?? "")
  }
}
