public import AdapterMethods
public import Deberta
internal import Heads
internal import Model
public import Tensors

extension DebertaV2AdapterModel {
  /// Sets the adapters that act when a call names none; what is merged is reset.
  ///
  /// - Parameters:
  ///   - composition: nil is the base model.
  ///   - skipped: layers in which no adapter acts, in calls with any setup, until adapters are set again. What changes
  ///     the embeddings still acts: prompts and invertible adapters.
  /// - Throws: `CompositionError`, with the names of what is wrong; `LayerError`. The model is unchanged then.
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

  /// Puts an adapter's effect into the weights. The model with it merged equals the model with it active.
  ///
  /// - Throws: `ModelError`, if another one is merged, or the adapter's effect depends on the text.
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
        // What decodes words, and its norm, stay apart from the weights of the encoder.
        guard let linear = layer.linear else { throw ModelError.notMergeable(name: name) }
        return (layer.name, try hook.merged(into: linear, on: pass))
      }
      return layers.isEmpty ? head : head.replacing(Dictionary(uniqueKeysWithValues: layers))
    }
    bound = try rebound(to: merged, merged: name)
    if !hooks.isEmpty { (heads, unmergedHeads) = (adapted, plain) }
  }

  /// Goes back to the weights as they were loaded, the very bytes.
  public mutating func resetAdapter() {
    guard mergedAdapter != nil else { return }
    // The base bound these adapters before; it cannot refuse them now.
    if let reset = try? rebound(to: baseEncoder, merged: nil) { bound = reset }
    for (name, head) in unmergedHeads where heads[name] != nil { heads[name] = head }
    unmergedHeads = [:]
  }

  /// A linear layer of the encoder, with what is merged.
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

  /// Gives the encoder another table of word embeddings, [vocabulary, E]; what is merged stays.
  mutating func replaceWords(_ words: WeightMatrix) throws {
    baseEncoder = baseEncoder.replacing(words: words)
    configuration = baseEncoder.configuration
    bound = try rebound(to: bound.encoder.replacing(words: words), merged: mergedAdapter)
  }
}
