public import AdapterRegistry
public import Checkpoints
internal import Foundation
internal import Training

extension AdapterRecord {
  /// The recipe of the run that trained the adapter, as its folder keeps it; nil if it keeps none.
  ///
  /// - Throws: `ConfigurationError` for a file that is not a object of JSON.
  public var recipe: [String: JSONValue]? { get throws { try TrainingRecipe.kept(in: path) } }
}

extension FusionRecord {
  /// The recipe of the run that trained the fusion, as its folder keeps it; nil if it keeps none.
  ///
  /// - Throws: `ConfigurationError` for a file that is not a object of JSON.
  public var recipe: [String: JSONValue]? { get throws { try TrainingRecipe.kept(in: path) } }
}

extension TrainingRecipe {
  fileprivate static func kept(in folder: String) throws(ConfigurationError) -> [String: JSONValue]? {
    let file = "\(folder)/\(fileName)"
    return FileManager.default.fileExists(atPath: file) ? try ConfigurationFields(path: file).members : nil
  }
}
