internal import AdapterMethods
internal import Checkpoints
internal import Deberta
internal import Foundation
internal import Tensors

/// A base model with an adapter's effect in its weights, as a checkpoint that transformers loads.
public enum MergedCheckpoint {
  /// Writes `config.json`, `model.safetensors` and the tokenizer's files; beside them the adapter's head, if it has
  /// one, as the reference saves heads.
  ///
  /// Tensors keep their names and become float32. The folder is read back before it gets its name: its encoder gives
  /// the very bits that the merged model gives.
  ///
  /// - Parameters:
  ///   - name: a loaded adapter.
  ///   - model: the model that `source` holds, with nothing merged.
  ///   - source: the base model's folder.
  ///   - folder: where nothing is, or an empty folder.
  /// - Returns: the number of tensors that the adapter changes.
  /// - Throws: `ModelError.notMergeable`, if the adapter's effect depends on the text;
  ///   `WorkspaceError.folderInUse`; `CheckpointError`, if a file cannot be written.
  @discardableResult
  public static func write(
    _ name: String, of model: DebertaV2AdapterModel, from source: String, to folder: String
  ) throws -> Int {
    try NewFolder.check(folder)
    let checkpoint = try CheckpointFolder(path: source)
    var merged = model
    try merged.mergeAdapter(name)
    let changes = changes(from: model, to: merged)
    try NewFolder.write(folder) { folder in
      try checkpoint.write(replacing: changes, to: folder)
      if model.head(name) != nil { try model.saveHead(name, to: folder) }
      try compare(merged, with: folder)
    }
    return changes.count
  }

  // MARK: Tensors

  /// The names of linear layers below `deberta.encoder.layer.N.`
  private static func scope(_ place: ProjectionPlace) -> String {
    switch place {
    case .query: "attention.self.query_proj"
    case .key: "attention.self.key_proj"
    case .value: "attention.self.value_proj"
    case .attentionOutput: "attention.output.dense"
    case .up: "intermediate.dense"
    case .down: "output.dense"
    }
  }

  /// The weights and biases that differ, by their names below `deberta.`
  private static func changes(
    from base: DebertaV2AdapterModel, to merged: DebertaV2AdapterModel
  ) -> [String: [Float]] {
    var changes: [String: [Float]] = [:]
    for layer in 0..<base.configuration.layerCount {
      for place in ProjectionPlace.allCases {
        let (old, new) = (base.linear(place, layer: layer), merged.linear(place, layer: layer))
        let scope = "encoder.layer.\(layer).\(scope(place))"
        let weight = base.compute.unpacked(new.weight).array
        if weight != base.compute.unpacked(old.weight).array { changes[scope + ".weight"] = weight }
        if let bias = new.bias?.array, bias != old.bias?.array { changes[scope + ".bias"] = bias }
      }
    }
    return changes
  }

  // MARK: Check

  private static func compare(_ merged: DebertaV2AdapterModel, with folder: String) throws {
    let written = try DebertaV2AdapterModel(folder: folder, compute: merged.compute)
    let ids = (0..<48).map { Int32($0 * 7919 % merged.configuration.vocabularySize) }
    let expected = try merged([ids], setup: .composition(nil), heads: []).hiddenStates(row: 0).array
    let found = try written([ids], setup: .composition(nil), heads: []).hiddenStates(row: 0).array
    guard expected == found else { throw MergeError.differs(folder: folder) }
  }
}

/// Why a merged checkpoint was not kept.
public enum MergeError: Error, Hashable, Sendable, CustomStringConvertible {
  case differs(folder: String)

  public var description: String {
    switch self {
    case .differs(let folder):
      "The checkpoint that was written to \(folder) does not give what the merged model gives; it was removed."
    }
  }
}
