public import Deberta

extension Adapter {
  /// The adapter without its modules in the given layers, in addition to those that its settings leave out.
  ///
  /// `adapters` does not apply this to the members of a union; this package does.
  /// - Parameters:
  ///   - layers: indices from 0.
  ///   - shape: the model's shape.
  /// - Throws: `ConfigurationError` for a layer that the model does not have, or a method without layers.
  public func leavingOut(_ layers: Set<Int>, for shape: DebertaV2Configuration) throws -> Adapter {
    if let odd = layers.sorted().first(where: { !(0..<shape.layerCount).contains($0) }) {
      throw LayerError.unknown(layer: odd, count: shape.layerCount)
    }
    guard !layers.isEmpty else { return self }
    if let union = method as? Union {
      return try union.replacing(parameters, for: shape) { member in
        // A prompt is not part of any layer.
        member.method is PromptTuning ? nil : try member.leavingOut(layers, for: shape)
      } ?? self
    }
    let changed = try method.leavingOut(layers, of: shape)
    if let prefix = changed as? PrefixTuning, let own = method as? PrefixTuning {
      return Adapter(method: prefix, parameters: try prefix.values(from: own, parameters, for: shape))
    }
    let specs = try changed.parameters(for: shape)
    return Adapter(method: changed, parameters: AdapterParameters(specs, of: parameters))
  }
}

/// Why a layer index is invalid.
public enum LayerError: Error, Hashable, Sendable, CustomStringConvertible {
  case unknown(layer: Int, count: Int)

  public var description: String {
    switch self {
    case .unknown(let layer, let count):
      "There is no layer \(layer): the model has \(count) layers, 0 to \(count - 1)."
    }
  }
}
