public import AdapterMethods
public import Deberta
internal import Files
internal import Heads
internal import Model
public import Tensors

extension DebertaV2AdapterModel {
  // MARK: Modules

  /// The modules of an adapter: those of the whole model first, then layer by layer (`get_adapter`).
  ///
  /// - Throws: `CompositionError.unknownAdapter`.
  public func modules(ofAdapter name: String) throws(CompositionError) -> [AdapterModule] {
    guard let adapter = adapter(name) else { throw unknown(adapter: name) }
    return adapter.modules
  }

  /// A layer of the encoder, including a merged adapter.
  public struct Layer: Sendable {
    public let index: Int
    private let encoder: Encoder
    /// The adapters with modules in this layer, and these modules.
    public let adapters: [(name: String, modules: [AdapterModule])]

    fileprivate init(_ index: Int, _ encoder: Encoder, _ adapters: [(name: String, modules: [AdapterModule])]) {
      self.index = index
      self.encoder = encoder
      self.adapters = adapters
    }

    /// A linear layer, including a merged adapter.
    public func linear(_ place: ProjectionPlace) -> Linear { encoder.linear(place, layer: index) }
  }

  /// The layers, in order (`iter_layers`).
  public var layers: [Layer] {
    let all = adapterNames.compactMap { name in adapter(name).map { (name: name, modules: $0.modules) } }
    return (0..<configuration.layerCount).map { index in
      let own = all.map { (name: $0.name, modules: $0.modules.filter { $0.layer == index }) }
      return Layer(index, bound.encoder, own.filter { !$0.modules.isEmpty })
    }
  }

  /// Changes values in the modules of adapters (`apply_to_adapter_layers`, `apply_to_basemodel_childs`).
  ///
  ///     try model.applyToAdapterModules { name, module in
  ///       for spec in module.specs { module[spec] = module[spec].map { 0.5 * $0 } }
  ///     }
  ///
  /// - Parameters:
  ///   - names: the adapters; nil: all of them.
  ///   - change: changes a module's values in place.
  /// - Throws: `CompositionError.unknownAdapter`; the errors of `change`. The model is then unchanged.
  public mutating func applyToAdapterModules(
    of names: [String]? = nil, _ change: (_ adapter: String, _ module: inout AdapterModule) throws -> Void
  ) throws {
    var changed: [(name: String, adapter: Adapter)] = []
    for name in names ?? adapterNames {
      guard let adapter = adapter(name) else { throw unknown(adapter: name) }
      var modules = adapter.modules
      for index in modules.indices { try change(name, &modules[index]) }
      changed.append((name, adapter.replacing(modules)))
    }
    for (name, adapter) in changed { try replaceAdapter(name, adapter) }
  }

  // MARK: Labels

  /// The names of a head's outputs, in order; unnamed ones are numbered.
  ///
  /// - Parameter name: a head; nil: the active one.
  /// - Throws: `ModelError.unknownHead`; `.activeHeads`, unless exactly one is active.
  public func labels(ofHead name: String? = nil) throws(ModelError) -> [String] {
    let name = if let name { name } else { try activeHead }
    guard let head = head(name) else { throw unknown(head: name) }
    return head.settings.labelNames
  }

  /// The names of a head's outputs by index (`get_labels_dict`).
  public func labelsByNumber(ofHead name: String? = nil) throws(ModelError) -> [Int: String] {
    Dictionary(uniqueKeysWithValues: try labels(ofHead: name).enumerated().map { ($0, $1) })
  }

  /// The only head for calls that name none: the active one, or the one that follows the active adapters.
  private var activeHead: String {
    get throws(ModelError) {
      let heads = activeHeads ?? activeAdapters.flatMap { head(following: $0.head) }.map { [$0] } ?? []
      guard heads.count == 1 else { throw .activeHeads(heads) }
      return heads[0]
    }
  }

  /// The decoders of masked language models, [vocabulary, E], by head name (`get_output_embeddings`).
  public var outputEmbeddings: [String: WeightMatrix] { heads.compactMapValues(\.decoderWeight) }
}
