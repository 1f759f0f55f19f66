public import AdapterMethods
public import Deberta
internal import Heads
internal import Model
public import Tensors

extension DebertaV2AdapterModel {
  /// Sets the adapters for calls that name none, and resets a merged adapter.
  ///
  /// - Parameters:
  ///   - composition: nil is the base model.
  ///   - skipped: layers in which no adapter is applied, in calls with any setup, until adapters are set again. Changes
  ///     of the embeddings still apply: prompts and invertible adapters.
  /// - Throws: `CompositionError`, naming what is wrong; `LayerError`. The model is then unchanged.
  public mutating func setActiveAdapters(_ composition: Composition?, skippingLayers skipped: Set<Int> = []) throws {
    if let composition {
      for name in composition.adapters where adapters[name] == nil { throw unknown(adapter: name) }
    }
    if let odd = skipped.sorted().first(where: { !(0..<configuration.layerCount).contains($0) }) {
      throw LayerError.unknown(layer: odd, count: configuration.layerCount)
    }
    resetAdapter()
    if skipped != skippedLayers {
      skippedLayers = skipped
      bound = try rebound(to: baseEncoder, merged: nil)
    }
    activeAdapters = composition
  }

  /// Merges an adapter into the weights.
  ///
  /// The merged model is equivalent to the model with the adapter active.
  ///
  /// - Throws: `ModelError`, if another one is merged, or the adapter depends on the text.
  public mutating func mergeAdapter(_ name: String) throws {
    guard let adapter = adapters[name] else { throw unknown(adapter: name) }
    if mergedAdapter == name { return }
    if let other = mergedAdapter { throw ModelError.merged(other: other, name: name) }
    guard let merged = adapter.method.merged(adapter.parameters, into: baseEncoder) else {
      throw ModelError.notMergeable(name: name)
    }
    let hooks = bound.lowering.adapters[name]?.headHooks ?? [:]
    let plain = heads
    let adapted = try heads.mapValues { head in
      let pass = Pass(compute)
      let layers = try head.namedLayers.compactMap { layer -> (String, Linear)? in
        guard let hook = hooks[layer.name] else { return nil }
        // Decoders and their norms are separate from the encoder's weights.
        guard let linear = layer.linear else { throw ModelError.notMergeable(name: name) }
        return (layer.name, try hook.merged(into: linear, on: pass))
      }
      return layers.isEmpty ? head : head.replacing(Dictionary(uniqueKeysWithValues: layers))
    }
    bound = try rebound(to: merged, merged: name)
    if !hooks.isEmpty { (heads, unmergedHeads) = (adapted, plain) }
  }

  /// Restores the loaded weights, byte for byte.
  public mutating func resetAdapter() {
    guard mergedAdapter != nil else { return }
    // These adapters were bound to the base before, so binding them cannot fail now.
    if let reset = try? rebound(to: baseEncoder, merged: nil) { bound = reset }
    for (name, head) in unmergedHeads where heads[name] != nil { heads[name] = head }
    unmergedHeads = [:]
  }

  /// A linear layer of the encoder, including a merged adapter.
  public func linear(_ place: ProjectionPlace, layer: Int) -> Linear {
    bound.encoder.linear(place, layer: layer)
  }

  func rebound(to encoder: Encoder, merged: String?) throws -> BoundModel {
    var model = BoundModel(
      encoder,
      adapters: try adapters.reduce(into: [:]) { bound, item in
        bound[item.key] = try bind(item.value, named: item.key, in: encoder)
      },
      fusions: bound.lowering.fusions, heads: heads, merged: merged)
    model.headsOfFusions = bound.headsOfFusions
    return model
  }

  /// Replaces the encoder's word embeddings, [vocabulary, E]; a merged adapter stays merged.
  mutating func replaceWords(_ words: WeightMatrix) throws {
    baseEncoder = baseEncoder.replacing(words: words)
    configuration = baseEncoder.configuration
    bound = try rebound(to: bound.encoder.replacing(words: words), merged: mergedAdapter)
  }
}
