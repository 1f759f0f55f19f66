public import AdapterRegistry
public import Checkpoints
internal import Foundation
internal import Training

extension AdapterRecord {
  /// The recipe of the run that trained the adapter, from its folder; nil if there is none.
  ///
  /// - Throws: `ConfigurationError`, if the file is not a JSON object.
  public var recipe: [String: JSONValue]? { get throws { try TrainingRecipe.kept(in: path) } }
}

extension FusionRecord {
  /// The recipe of the run that trained the fusion, from its folder; nil if there is none.
  ///
  /// - Throws: `ConfigurationError`, if the file is not a JSON object.
  public var recipe: [String: JSONValue]? { get throws { try TrainingRecipe.kept(in: path) } }
}

extension TrainingRecipe {
  fileprivate static func kept(in folder: String) throws(ConfigurationError) -> [String: JSONValue]? {
    let file = "\(folder)/\(fileName)"
    return FileManager.default.fileExists(atPath: file) ? try ConfigurationFields(path: file).members : nil
  }
}
