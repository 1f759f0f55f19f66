public import Checkpoints
internal import Foundation
internal import Training

extension TrainingRecipe {
  /// The recipe of a run to resume.
  ///
  /// - Parameters:
  ///   - folder: the run's folder.
  ///   - given: members that may repeat the recipe's; only the learning rate, the gradient norm limit, the locations of
  ///     the data and the handling of the result may differ.
  ///   - file: the source of these members, for messages.
  /// - Throws: `TrainingError.noState` for a folder without a recipe, `anotherRun` for members that contradict it, and
  ///   the errors of ``init(_:file:)``.
  public init(resuming folder: String, with given: [String: JSONValue], file: String) throws {
    let path = "\(folder)/\(Self.fileName)"
    guard FileManager.default.fileExists(atPath: path) else { throw TrainingError.noState(path: folder) }
    let members = try ConfigurationFields(path: path).members
    let saved = try TrainingRecipe(members, file: path)
    let resumed = try TrainingRecipe(Self.merge(members, given), file: file)
    let (then, now) = (saved.object, resumed.object)
    let differences = Set(then.keys).union(now.keys).subtracting(Self.changeable).sorted().compactMap { key in
      then[key] == now[key] ? nil : TrainingError.Difference(name: key, saved: then[key]?.line, now: now[key]?.line)
    }
    guard differences.isEmpty else { throw TrainingError.anotherRun(differences: differences, path: path) }
    self = resumed
  }

  /// The keys that may differ: data are identified by digests, and a step that diverged can be repeated.
  private static let changeable: Set = [
    "train", "dev", "test", "model", "unregistered", "overwrite", "learning_rate", "clip_norm",
  ]
}
