internal import AdapterMethods
public import AdapterRegistry
internal import Checkpoints
internal import Foundation

/// The digest of the base model that an adapter was made for, as its `adapter_config.json` tells it.
///
/// It stands beside the reference's own members, as `base_digest`; whoever does not know it leaves it.
enum BaseDigest {
  private static let key = "base_digest"

  /// What a folder says; nil if it does not.
  static func read(_ folder: String) throws(ConfigurationError) -> ContentDigest? {
    let fields = try ConfigurationFields(path: "\(folder)/\(SavedAdapter.configurationFile)")
    guard let text = try fields.string(key) else { return nil }
    guard let digest = ContentDigest(text) else {
      throw fields.impossible(key, "'\(text)'", "a SHA-256 of 64 lower-case hexadecimal digits")
    }
    return digest
  }

  /// Writes it into a saved adapter's folder.
  static func write(_ digest: ContentDigest, to folder: String) throws {
    let file = "\(folder)/\(SavedAdapter.configurationFile)"
    var members = try ConfigurationFields(path: file).members
    members[key] = .string(digest.text)
    try JSONValue.object(members).write(to: file)
  }
}

extension AdapterDescription {
  /// What an adapter's folder says, as by `read(_:for:)`, with the digest of the base model that it was made for
  /// where the folder tells it: importing it for another one is then refused, unless it is forced.
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
