internal import Deberta
internal import Tensors

/// An adapter's tensors at one place of the model: a bottleneck, a layer's low-rank factors, …
public struct AdapterModule: Sendable {
  /// The layer, from 0; nil for modules of the whole model.
  public let layer: Int?
  /// The name of the place in `adapters`, such as `output_adapter`, `mh_adapter`, `selfattn_lora`, `self_prefix` or
  /// `output_reft`; for the whole model `inv_adapter`, `prompt_tuning`, `self_prefix` or `shared`.
  public let location: String
  public let specs: [ParameterSpec]
  private var tensors: [String: Tensor]

  init(layer: Int?, location: String, _ specs: [ParameterSpec], _ parameters: AdapterParameters) {
    self.layer = layer
    self.location = location
    self.specs = specs
    tensors = Dictionary(uniqueKeysWithValues: specs.map { ($0.id, parameters[$0]) })
  }

  /// The values of a tensor, row by row.
  ///
  /// Setting them allocates a new tensor; the number of values cannot change.
  public subscript(spec: ParameterSpec) -> [Float] {
    get { tensors[spec.id]?.array ?? [] }
    set {
      precondition(newValue.count == spec.count, "\(newValue.count) values for \(spec.id), which has \(spec.count)")
      let columns = max(spec.shape.last ?? 1, 1)
      tensors[spec.id] = Tensor(newValue, rows: newValue.count / columns, columns: columns)
    }
  }

  /// The number of values.
  public var count: Int { specs.reduce(0) { $0 + $1.count } }

  fileprivate var values: [String: Tensor] { tensors }
}

extension Adapter {
  /// Its modules: those of the whole model first, then layer by layer.
  public var modules: [AdapterModule] {
    var places: [(layer: Int?, location: String)] = []
    var members: [String: [ParameterSpec]] = [:]
    for spec in parameters.specs {
      let (layer, location) = spec.location
      let key = "\(layer ?? -1) \(location)"
      if members[key] == nil { places.append((layer, location)) }
      members[key, default: []].append(spec)
    }
    let order = places.indices.sorted { ((places[$0].layer ?? -1), $0) < ((places[$1].layer ?? -1), $1) }
    return order.map { index in
      let (layer, location) = places[index]
      return AdapterModule(
        layer: layer, location: location, members["\(layer ?? -1) \(location)"] ?? [], parameters)
    }
  }

  /// The module at a place; nil if it has none there.
  ///
  /// - Parameters:
  ///   - layer: nil for modules of the whole model.
  ///   - location: a name as in `AdapterModule.location`.
  public func module(layer: Int?, location: String) -> AdapterModule? {
    modules.first { $0.layer == layer && $0.location == location }
  }

  /// The adapter with the values of some modules replaced.
  public func replacing(_ modules: [AdapterModule]) -> Adapter {
    var tensors = Dictionary(uniqueKeysWithValues: parameters.specs.map { ($0.id, parameters[$0]) })
    for module in modules { tensors.merge(module.values) { $1 } }
    return Adapter(method: method, parameters: AdapterParameters(parameters.specs, tensors))
  }
}

extension ParameterSpec {
  /// The layer and the name of the place in `adapters`.
  fileprivate var location: (layer: Int?, name: String) {
    let parts = place.split(separator: ".")
    guard parts.count > 3, parts[0] == "encoder", parts[1] == "layer", let layer = Int(parts[2]) else {
      let names = [
        "invertible_adapters": "inv_adapter", "prompt_tunings": "prompt_tuning", "prefix_tunings": "self_prefix",
        "shared_parameters": "shared",
      ]
      return (nil, names[container] ?? (place.isEmpty ? container : place))
    }
    let module = parts.dropFirst(3).joined(separator: ".")
    switch (container, module) {
    case ("adapters", "output"): return (layer, "output_adapter")
    case ("adapters", "attention.output"): return (layer, "mh_adapter")
    case ("refts", _): return (layer, "output_reft")
    case ("prefix_gates", _): return (layer, "self_prefix")
    case (_, "intermediate.dense"): return (layer, "intermediate_lora")
    case (_, "output.dense"): return (layer, "output_lora")
    case (_, "attention.self.query_proj"), (_, "attention.self.key_proj"), (_, "attention.self.value_proj"),
      (_, "attention.self.in_proj"):
      return (layer, "selfattn_lora")
    default: return (layer, module)
    }
  }
}
