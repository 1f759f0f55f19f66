internal import Checkpoints
internal import Foundation
internal import Training

/// A base model whose weights were trained, as a checkpoint that transformers loads.
enum TrainedCheckpoint {
  /// Writes `config.json`, `model.safetensors` and the tokenizer's files of a checkpoint, with other tensors in their places.
  ///
  /// - Parameters:
  ///   - tensors: by their names below `deberta.`
  ///   - source: the checkpoint's folder.
  ///   - folder: what is there is replaced.
  static func write(_ tensors: [NamedTensor], from source: String, to folder: String) throws {
    let checkpoint = try CheckpointFolder(path: source)
    let changes = Dictionary(tensors.map { ($0.name, $0.values.array) }) { $1 }
    try NewFolder.replace(folder) { folder in try checkpoint.write(replacing: changes, to: folder) }
  }
}
