public import AdapterMethods
internal import Checkpoints
internal import Deberta
internal import Heads
internal import Tensors
public import Training

extension DebertaV2AdapterModel {
  /// This model with trainable copies of some parameters.
  ///
  /// - Parameters:
  ///   - setup: the adapters to apply; nil is the base model.
  ///   - names: the heads to train.
  ///   - frozen: adapters of the setup that are not trained.
  ///   - part: what to train.
  ///   - trainsEmbeddings: whether to train the active word embeddings too.
  ///   - folder: the base model's folder, from which its tensors are read again if everything is trained; nil: the
  ///     model's own source.
  /// - Throws: `CompositionError`, `ModelError`, `TrainableModelError`, `CheckpointError`.
  public func trainable(
    _ setup: Composition?, heads names: [String], frozen: [String] = [], part: TrainedPart = .adapters,
    trainsEmbeddings: Bool = false, folder: String? = nil
  ) throws -> TrainableModel {
    if part == .everything { try requireExactWeights(toBe: "trained") }
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

  /// Every encoder tensor of a checkpoint, copied.
  private func parameters(_ folder: String?) throws -> TrainableBase {
    let ledger = try folder.map { try ModelSource(CheckpointFolder(path: $0)).ledger } ?? source.ledger
    let words = EncoderPlace.wordEmbeddings.path(in: configuration.family) + ".weight"
    let tensors = try EncoderLayout(configuration).tensors(in: ledger).map { tensor -> NamedTensor in
      // The active word embeddings may differ from the checkpoint's.
      let values =
        try tensor.name == words
        ? baseEncoder.wordEmbeddings.widened(compute) : ledger.tensor(tensor.name, shape: tensor.shape)
      return NamedTensor(name: tensor.name, shape: tensor.shape, copying: values.array)
    }
    return TrainableBase(tensors, configuration, tiesDecoders: headReader.tiesWords)
  }
}
