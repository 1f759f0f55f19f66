public import Checkpoints
public import Deberta
public import Tensors

/// One stored tensor of an adapter.
public struct ParameterSpec: Sendable, Hashable {
  /// The owning module, below `deberta.`: `encoder.layer.0.output`; empty for the model itself.
  public let place: String
  /// The module's container of adapters: `adapters`, `loras`.
  public let container: String
  /// The tensor's name within the adapter: `adapter_up.weight`.
  public let member: String
  public let shape: [Int]
  public let initializer: Initializer
  public let isTrainable: Bool
  /// Other names under which `adapters` stores the same tensor.
  public let aliases: [Alias]
  /// The seed that restarts the random values at this module; nil: they continue from the previous module.
  private(set) var seed: UInt64?

  /// A second name of a tensor, in the same kind of container.
  public struct Alias: Sendable, Hashable {
    public let place: String
    public let member: String

    public init(_ place: String, _ member: String) {
      self.place = place
      self.member = member
    }
  }

  public init(
    _ place: String, _ container: String, _ member: String, _ shape: [Int], _ initializer: Initializer,
    isTrainable: Bool = true, aliases: [Alias] = []
  ) {
    self.place = place
    self.container = container
    self.member = member
    self.shape = shape
    self.initializer = initializer
    self.isTrainable = isTrainable
    self.aliases = aliases
  }

  /// The spec with the seed of the method's settings, unless it has one; 0 means none, as in `adapters`.
  func seeded(by method: any AdapterMethod) -> ParameterSpec {
    guard seed == nil, let own = method.settings[MethodField.seed.key]?.wholeNumber, own != 0 else { return self }
    var spec = self
    spec.seed = UInt64(bitPattern: Int64(own))
    return spec
  }

  /// The tensor's name without the adapter's.
  public var id: String { "\(place).\(container).\(member)" }

  /// The tensor's name in files of `adapters`, below `deberta.`.
  public func key(_ adapter: String) -> String { key(adapter, Alias(place, member)) }

  /// All of its names in files of `adapters`; the first one is written.
  public func keys(_ adapter: String) -> [String] { [key(adapter)] + aliases.map { key(adapter, $0) } }

  private func key(_ adapter: String, _ name: Alias) -> String {
    "\(name.place.isEmpty ? "" : name.place + ".")\(container).\(adapter).\(name.member)"
  }

  public var count: Int { shape.reduce(1, *) }
}

/// The tensors of one adapter.
public struct AdapterParameters: Sendable {
  public let specs: [ParameterSpec]
  private let tensors: [String: Tensor]

  /// - Parameters:
  ///   - specs: the parameters.
  ///   - tensors: a tensor for each spec's id.
  public init(_ specs: [ParameterSpec], _ tensors: [String: Tensor]) {
    self.specs = specs
    self.tensors = tensors
  }

  /// A subset of another adapter's tensors.
  init(_ specs: [ParameterSpec], of other: AdapterParameters) { self.init(specs, other.tensors) }

  /// New values for an encoder, from each spec's initializer.
  public init(_ specs: [ParameterSpec], for encoder: Encoder, random: inout RandomNumbers) {
    var tensors: [String: Tensor] = [:]
    var module = ""
    for spec in specs {
      if let seed = spec.seed, module != "\(spec.place).\(spec.container)" {
        random = RandomNumbers(seed: seed)
        module = "\(spec.place).\(spec.container)"
      }
      let columns = spec.shape.last ?? 1
      tensors[spec.id] = Tensor(
        spec.initializer.values(spec.shape, encoder, &random), rows: spec.count / max(columns, 1), columns: columns)
    }
    self.init(specs, tensors)
  }

  /// The values of a spec; columns are the shape's last dimension.
  public subscript(spec: ParameterSpec) -> Tensor {
    guard let tensor = tensors[spec.id] else { preconditionFailure("\(spec.id) is not a parameter of this adapter") }
    return tensor
  }

  /// The tensors to save for an adapter with this name; with aliases also under their other names in `adapters`.
  public func outgoing(named adapter: String, withAliases: Bool = false) -> [OutgoingTensor] {
    specs.flatMap { spec in
      (withAliases ? spec.keys(adapter) : [spec.key(adapter)]).map {
        OutgoingTensor(name: EncoderLayout.storedName($0), shape: spec.shape, values: self[spec].array)
      }
    }
  }

  /// A separate copy of the values, for training.
  var copied: AdapterParameters {
    AdapterParameters(
      specs, tensors.mapValues { Tensor($0.array, rows: $0.rows, columns: $0.columns) })
  }

  /// The number of values.
  public var count: Int { specs.reduce(0) { $0 + $1.count } }
}
