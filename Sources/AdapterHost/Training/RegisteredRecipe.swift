public import AdapterRegistry
public import Checkpoints
internal import Foundation
internal import Training

extension AdapterRecord {
  /// The recipe of the run that trained the adapter, as its folder keeps it; nil if it keeps none.
  ///
  /// - Throws: `ConfigurationError` for a file that is no object of JSON.
  public var recipe: [String: JSONValue]? {
    get throws {
      let file = "\(path)/\(TrainingRecipe.fileName)"
      guard FileManager.default.fileExists(atPath: file) else { return nil }
      return try ConfigurationFields(path: file).members
    }
  }
}
