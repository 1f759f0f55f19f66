internal import Checkpoints
internal import Foundation
internal import Heads
internal import Training

/// A base model whose weights were trained, as a checkpoint that transformers loads.
enum TrainedCheckpoint {
  /// Writes `config.json`, `model.safetensors` and the tokenizer's files of a checkpoint, with other tensors in their places.
  ///
  /// A trained head is written as the class of transformers that can hold it, else beside the checkpoint, as
  /// `adapters` saves heads; either is the head `default` when the folder is loaded.
  ///
  /// - Parameters:
  ///   - tensors: by their names below `deberta.`
  ///   - head: the name of the head that was trained with them; nil if heads stay with adapters.
  ///   - model: has the trained head.
  ///   - source: the checkpoint's folder.
  ///   - folder: an empty one.
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
