internal import Checkpoints
internal import Foundation
internal import Heads
internal import Training

/// A base model with trained weights, as a checkpoint for transformers.
enum TrainedCheckpoint {
  /// Writes `config.json`, `model.safetensors` and the tokenizer's files of a checkpoint with some tensors replaced.
  ///
  /// A trained head is written in the format of a matching transformers class, or else to a separate file as in
  /// `adapters`; either is loaded as the head `default`.
  ///
  /// - Parameters:
  ///   - tensors: the new tensors, by name below `deberta.`
  ///   - head: the name of the head trained with them; nil if heads are saved with adapters.
  ///   - model: the model with the trained head.
  ///   - source: the checkpoint's folder.
  ///   - folder: an empty folder.
  static func write(
    _ tensors: [NamedTensor], head: String?, of model: DebertaV2AdapterModel, from source: String, to folder: String
  ) throws {
    let checkpoint = try CheckpointFolder(path: source)
    let changes = Dictionary(tensors.map { ($0.name, $0.values.array) }) { $1 }
    let trained = head.flatMap { name in model.head(name) }
    let exported = trained.flatMap { model.classHead($0, words: changes[DebertaV2AdapterModel.wordsName]) }
    try checkpoint.write(replacing: changes, head: exported, to: folder)
    if let head, exported == nil { try model.saveHead(head, to: folder) }
  }
}
