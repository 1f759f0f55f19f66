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
  ///   - folder: the base model's, from which its tensors are read again where everything is trained.
  /// - Throws: `CompositionError`, `ModelError`, `TrainableModelError`, `CheckpointError`.
  public func trainable(
    _ setup: Composition?, heads names: [String], frozen: [String] = [], part: TrainedPart = .adapters, folder: String
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
    let base = try part == .everything ? parameters(folder) : TrainableBase(frozen: baseEncoder)
    return try TrainableModel(
      base: base, adapters: adapters, fusions: fusions, heads: heads, setup: setup, frozen: frozen, training: part,
      compute)
  }

  /// Every tensor of a checkpoint's encoder, in memory of its own.
  private func parameters(_ folder: String) throws -> TrainableBase {
    let layout = EncoderLayout(configuration)
    let own = Set((layout.tensors + layout.optionalTensors).map(\.name))
    let tensors = try CheckpointFolder(path: folder).weights.tensors.compactMap { stored -> NamedTensor? in
      let name = EncoderLayout.ownName(stored.name)
      return own.contains(name) ? NamedTensor(name: name, shape: stored.shape, copying: try stored.floats()) : nil
    }
    return TrainableBase(tensors, configuration, tiesDecoders: headReader.tiesWords)
  }
}
