public import Checkpoints
public import Deberta
internal import Tensors

/// An adapter: its method with settings, and its tensors.
public struct Adapter: Sendable {
  public let method: any AdapterMethod
  public let parameters: AdapterParameters

  public init(method: any AdapterMethod, parameters: AdapterParameters) {
    self.method = method
    self.parameters = parameters
  }

  /// A newly initialized adapter for an encoder; equal seeds give equal values.
  ///
  /// - Throws: `ConfigurationError`, if a setting is invalid, requires an unsupported initialization, or there is not
  ///   enough memory for the parameters.
  public init(_ method: any AdapterMethod, for encoder: Encoder, seed: UInt64) throws(ConfigurationError) {
    try method.checkStart()
    var random = RandomNumbers(seed: seed)
    let specs = try method.parameters(for: encoder.configuration).map { $0.seeded(by: method) }
    let count = specs.reduce(0.0) { sum, spec in sum + spec.shape.reduce(1.0) { $0 * Double($1) } }
    do { try encoder.compute.requireMemory(floats: count, for: "\(Int(min(count, 1e18))) parameters") } catch {
      throw .impossible(
        key: "config", value: "an adapter too large for this machine", expected: "a smaller one. \(error)",
        file: "The fresh adapter")
    }
    self.init(method: method, parameters: AdapterParameters(specs, for: encoder, random: &random))
  }
}

extension Adapter {
  /// The same adapter with a separate copy of its tensors, for training.
  public var copied: Adapter { Adapter(method: method, parameters: parameters.copied) }
}
