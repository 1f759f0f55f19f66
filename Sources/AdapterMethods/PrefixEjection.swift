internal import Checkpoints
public import Deberta
internal import Tensors

extension Adapter {
  /// The adapter with its prefix in the flat form: the trained keys and values, without the two layers that compute
  /// them.
  ///
  /// Its results are the same, and it stores only the prefix itself.
  ///
  /// `adapters` keeps `flat: false` in the settings and cannot read the result back; here the settings are updated.
  /// - Parameter shape: the model's shape.
  /// - Throws: ``EjectionError``, if there is no such prefix.
  public func ejectingPrefix(for shape: DebertaV2Configuration) throws -> Adapter {
    let prefixes: [PrefixTuning]
    let ejected: Adapter?
    switch method {
    case let prefix as PrefixTuning: (prefixes, ejected) = ([prefix], try prefix.ejected(parameters, for: shape))
    case let union as Union:
      var found: [PrefixTuning] = []
      ejected = try union.replacing(parameters, for: shape) { member in
        guard let prefix = member.method as? PrefixTuning else { return nil }
        found.append(prefix)
        return try prefix.ejected(member.parameters, for: shape)
      }
      prefixes = found
    default: (prefixes, ejected) = ([], nil)
    }
    guard let ejected else {
      throw prefixes.isEmpty ? EjectionError.noPrefix(method: method.name) : EjectionError.isFlat
    }
    return ejected
  }
}

/// Why there is no prefix to eject.
public enum EjectionError: Error, Hashable, Sendable, CustomStringConvertible {
  case noPrefix(method: String)
  case isFlat

  public var description: String {
    switch self {
    case .noPrefix(let method):
      "The adapter's method is \(method), which has no prefix; only prefix_tuning and unions with it can be ejected."
    case .isFlat: "The adapter's prefix is flat already."
    }
  }
}
