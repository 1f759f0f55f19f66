public import AdapterMethods
internal import Checkpoints
internal import Deberta
internal import Heads
internal import Tensors
public import Training

extension DebertaV2AdapterModel {
  /// This model with some parameters to be trained; they are copies.
  ///
  /// - Parameters:
  ///   - setup: the adapters that act; nil is the base model.
  ///   - names: the heads that are trained.
  ///   - frozen: adapters of the setup that stay as they are.
  ///   - part: what is trained.
  ///   - trainsEmbeddings: whether the active word embeddings are trained too.
  ///   - folder: the base model's, from which its tensors are read again where everything is trained; nil: from what
  ///     the model was made of.
  /// - Throws: `CompositionError`, `ModelError`, `TrainableModelError`, `CheckpointError`.
  public func trainable(
    _ setup: Composition?, heads names: [String], frozen: [String] = [], part: TrainedPart = .adapters,
    trainsEmbeddings: Bool = false, folder: String? = nil
  ) throws -> TrainableModel {
    for name in setup?.adapters ?? [] where adapter(name) == nil { throw unknown(adapter: name) }
    var heads: [String: PredictionHead] = [:]
    for name in names {
      guard let head = head(name) else { throw unknown(head: name) }
      heads[name] = head
    }
    var adapters: [String: Adapter] = [:]
    for name in adapterNames { adapters[name] = adapter(name) }
    var fusions: [String: AdapterFusion] = [:]
    for name in fusionNames { fusions[name] = fusion(name) }
    let base =
      try part == .everything
      ? parameters(folder)
      : TrainableBase(frozen: baseEncoder, trainingWords: trainsEmbeddings, tiesDecoders: headReader.tiesWords)
    return try TrainableModel(
      base: base, adapters: adapters, fusions: fusions, heads: heads, setup: setup, frozen: frozen, training: part,
      compute)
  }

  /// Every tensor of a checkpoint's encoder, in separate memory.
  private func parameters(_ folder: String?) throws -> TrainableBase {
    let ledger = try folder.map { try ModelSource(CheckpointFolder(path: $0)).ledger } ?? source.ledger
    let words = EncoderPlace.wordEmbeddings.path(in: configuration.family) + ".weight"
    let tensors = try EncoderLayout(configuration).tensors(in: ledger).map { tensor -> NamedTensor in
      // Other word embeddings may be active than those of the checkpoint.
      let values =
        try tensor.name == words
        ? baseEncoder.wordEmbeddings.widened(compute) : ledger.tensor(tensor.name, shape: tensor.shape)
      return NamedTensor(name: tensor.name, shape: tensor.shape, copying: values.array)
    }
    return TrainableBase(tensors, configuration, tiesDecoders: headReader.tiesWords)
  }
}
