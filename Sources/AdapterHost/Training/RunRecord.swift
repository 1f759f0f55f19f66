internal import AdapterRegistry
internal import Checkpoints
public import Files
internal import Foundation
internal import Training

/// The inputs of a run, recorded in its recipe: the program, and digests of the data and of the base model.
///
/// ```json
/// {"program": "adapter-host 0.1.0", "train": "9f86d081…", "dev": "60303ae2…", "model": "fd61a03a…"}
/// ```
public struct RunRecord: Hashable, Sendable {
  /// The program and its version.
  public var program: String?
  /// The SHA-256 of the files under `train`, `dev` and `test`, and of the base model's files under `model`.
  public var digests: [String: ContentDigest]

  static let parts = ["train", "dev", "test", "model"]

  /// Records the current files of a recipe.
  ///
  /// - Parameters:
  ///   - recipe: contains the data's paths.
  ///   - folder: the base model's folder.
  /// - Throws: `RegistryError`, `FileError` for an unreadable file.
  init(_ recipe: TrainingRecipe, modelFolder folder: String) throws {
    digests = ["model": try FolderContents(of: folder, files: ModelDescription.files(in: folder)).digest]
    let data = [("train", recipe.trainingData), ("dev", recipe.developmentData), ("test", recipe.testData)]
    // A pipe cannot be read a second time.
    for case (let part, let path?) in data where Self.isFile(path) { digests[part] = try ContentDigest(ofFile: path) }
    program = "adapter-host \(ProgramVersion.current)"
  }

  private static func isFile(_ path: String) -> Bool {
    let type = try? URL(filePath: path).resolvingSymlinksInPath().resourceValues(forKeys: [.isRegularFileKey])
    return type?.isRegularFile == true
  }

  init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    program = try fields.string("program")
    digests = [:]
    for (key, value) in fields.members where key != "program" {
      guard Self.parts.contains(key), case .string(let text) = value, let digest = ContentDigest(text) else {
        throw fields.impossible("record.\(key)", value.kind, "the SHA-256 of train, dev, test or model")
      }
      digests[key] = digest
    }
  }

  var object: JSONValue {
    var members = digests.mapValues { JSONValue.string($0.text) }
    members["program"] = program.map { .string($0) }
    return .object(members)
  }

  /// The files that differ from an earlier record, one sentence each.
  func changes(since earlier: RunRecord) -> [String] {
    Self.parts.compactMap { part in
      guard let was = earlier.digests[part], let now = digests[part], was != now else { return nil }
      let files = part == "model" ? "The files of the base model" : "The examples of '\(part)'"
      return "\(files) are not those of the recipe: their digest was \(was.short), and is \(now.short)."
    }
  }
}
