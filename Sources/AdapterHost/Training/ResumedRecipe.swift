public import Checkpoints
internal import Foundation
internal import Training

extension TrainingRecipe {
  /// The recipe of a run that goes on.
  ///
  /// - Parameters:
  ///   - folder: the run's.
  ///   - given: members that may repeat what the recipe says; of the others only the learning rate, the limit of the
  ///     gradient's norm, the places of the data and what becomes of the result may differ.
  ///   - file: where these come from, for messages.
  /// - Throws: `TrainingError.noState` for a folder without a recipe, `anotherRun` for members that contradict it, and
  ///   what ``init(_:file:)`` throws.
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

  /// The keys that may differ: data count by their digests, and a step that went too far can be taken again.
  private static let changeable: Set = [
    "train", "dev", "test", "model", "unregistered", "overwrite", "learning_rate", "clip_norm",
  ]
}
