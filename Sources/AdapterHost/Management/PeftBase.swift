internal import AdapterMethods
internal import Checkpoints
internal import Files

/// The base model that a folder of PEFT says it was trained on: `base_model_name_or_path`.
///
/// People copy and rename base models, so another name is no error as long as the shapes agree.
public struct PeftBase: Sendable, Hashable {
  private let folder: String
  private let name: String

  /// - Returns: nil for a folder that is none of PEFT's, or that names no base model.
  public init?(of folder: String) {
    let file = "\(folder)/\(SavedAdapter.configurationFile)"
    guard let members = try? ConfigurationFields(path: file).members, members["peft_type"] != nil,
      case .string(let name)? = members["base_model_name_or_path"], !name.isEmpty
    else { return nil }
    self.folder = folder
    self.name = name
  }

  /// What a person should know if another base model is at hand; nil if the names agree.
  ///
  /// The last parts of names and paths are compared, in any case of letters.
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

  /// The name of a model in the cache of Hugging Face's hub: `models--ORG--NAME/snapshots/REVISION`.
  private static func nameInHubCache(_ path: String) -> String? {
    let folder = path.split(separator: "/").last(where: { $0.hasPrefix("models--") })
    return folder.map { String($0).replacing("--", with: "/") }
  }

  private static func lastPart(_ path: String) -> String { FilePaths.lastPart(of: path).lowercased() }
}
