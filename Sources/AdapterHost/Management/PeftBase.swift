internal import AdapterMethods
internal import Checkpoints
internal import Files

/// The base model that a PEFT folder names in `base_model_name_or_path`.
///
/// Base models get copied and renamed, so a different name is not an error if the shapes match.
public struct PeftBase: Sendable, Hashable {
  private let folder: String
  private let name: String

  /// - Returns: nil if it is not a PEFT folder, or names no base model.
  public init?(of folder: String) {
    let file = "\(folder)/\(SavedAdapter.configurationFile)"
    guard let members = try? ConfigurationFields(path: file).members, members["peft_type"] != nil,
      case .string(let name)? = members["base_model_name_or_path"], !name.isEmpty
    else { return nil }
    self.folder = folder
    self.name = name
  }

  /// A warning if the given base model seems to be another one; nil if the names match.
  ///
  /// The last components of names and paths are compared, ignoring case.
  /// - Parameters:
  ///   - base: the base model's folder.
  ///   - registered: its name in the registry.
  public func doubt(about base: String, called registered: String? = nil) -> String? {
    let original = (try? ConfigurationFields(path: "\(base)/config.json").string("_name_or_path")) ?? nil
    let path = FilePaths.resolved(base) ?? base
    let known = [path, base, registered, original, Self.nameInHubCache(path)].compactMap { $0 }
    guard !known.contains(where: { Self.lastPart($0) == Self.lastPart(name) }) else { return nil }
    return "\(folder) was trained on the base model '\(name)' (base_model_name_or_path), and it is used with "
      + "'\(registered ?? base)'. If these are different models, its answers mean nothing; --model names another one."
  }

  /// The name of a model in a Hugging Face hub cache: `models--ORG--NAME/snapshots/REVISION`.
  private static func nameInHubCache(_ path: String) -> String? {
    let folder = path.split(separator: "/").last(where: { $0.hasPrefix("models--") })
    return folder.map { String($0).replacing("--", with: "/") }
  }

  private static func lastPart(_ path: String) -> String { FilePaths.lastPart(of: path).lowercased() }
}
