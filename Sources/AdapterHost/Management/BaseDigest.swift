internal import AdapterMethods
public import AdapterRegistry
internal import Checkpoints
internal import Foundation

/// The digest of the base model that an adapter was made for, stored in its `adapter_config.json`.
///
/// It is an additional member, `base_digest`, which other programs ignore.
enum BaseDigest {
  private static let key = "base_digest"

  /// The digest in a folder; nil if it has none.
  static func read(_ folder: String) throws(ConfigurationError) -> ContentDigest? {
    let fields = try ConfigurationFields(path: "\(folder)/\(SavedAdapter.configurationFile)")
    guard let text = try fields.string(key) else { return nil }
    guard let digest = ContentDigest(text) else {
      throw fields.impossible(key, "'\(text)'", "a SHA-256 of 64 lower-case hexadecimal digits")
    }
    return digest
  }

  /// Writes the digest into a saved adapter's folder.
  static func write(_ digest: ContentDigest, to folder: String) throws {
    let file = "\(folder)/\(SavedAdapter.configurationFile)"
    var members = try ConfigurationFields(path: file).members
    members[key] = .string(digest.text)
    try JSONValue.object(members).write(to: file)
  }
}

extension AdapterDescription {
  /// Reads an adapter's folder like `read(_:for:)`, with the digest of its base model if the folder has one: importing
  /// it for another base is then refused, unless forced.
  public static func readForImport(
    _ folder: String, for base: ModelRecord
  ) throws -> (name: String, description: AdapterDescription) {
    try PartReader.require([.adapter, .peftAdapter], in: folder)
    try requireFiniteWeights(in: folder)
    var (name, description) = try read(folder, for: base)
    description.baseDigest = try BaseDigest.read(folder)
    return (name, description)
  }
}
