internal import Checkpoints
internal import Foundation
internal import Heads
internal import Training

/// A base model whose weights were trained, as a checkpoint that transformers loads.
enum TrainedCheckpoint {
  /// Writes `config.json`, `model.safetensors` and the tokenizer's files of a checkpoint, with other tensors in their places.
  ///
  /// A trained head that the checkpoint has among its tensors is written there, another one beside them, as the
  /// reference saves heads; either is the head `default` when the folder is loaded.
  ///
  /// - Parameters:
  ///   - tensors: by their names below `deberta.`
  ///   - head: the name of the head that was trained with them; nil where heads stay with adapters.
  ///   - model: has the trained head.
  ///   - source: the checkpoint's folder.
  ///   - folder: what is there is replaced.
  static func write(
    _ tensors: [NamedTensor], head: String?, of model: DebertaV2AdapterModel, from source: String, to folder: String
  ) throws {
    let checkpoint = try CheckpointFolder(path: source)
    var changes = Dictionary(tensors.map { ($0.name, $0.values.array) }) { $1 }
    var beside = head
    if let head, let saved = model.head(head)?.tensors(model.compute),
      let names = model.checkpointNames(ofHead: head, saved.map(\.name))
    {
      for tensor in saved { for name in names[tensor.name] ?? [] { changes[name] = tensor.values } }
      beside = nil
    }
    try NewFolder.replace(folder) { folder in
      try checkpoint.write(replacing: changes, to: folder)
      if let beside { try model.saveHead(beside, to: folder) }
    }
  }
}
