public import Checkpoints
public import Deberta
public import Tensors

/// One tensor that an adapter stores.
public struct ParameterSpec: Sendable, Hashable {
  /// The module that owns it, below `deberta.`: `encoder.layer.0.output`; empty for the model itself.
  public let place: String
  /// The module's collection of adapters: `adapters`, `loras`.
  public let container: String
  /// The tensor within the adapter's part: `adapter_up.weight`.
  public let member: String
  public let shape: [Int]
  public let initializer: Initializer
  public let isTrainable: Bool
  /// Other names under which the reference stores the same tensor.
  public let aliases: [Alias]
  /// From which the module's values start anew; nil: they go on from those of the module before.
  private(set) var seed: UInt64?

  /// A second name of a tensor, in the same kind of collection.
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

  /// The same with the seed of the method's settings, unless it has one; 0 is none, as in the reference.
  func seeded(by method: any AdapterMethod) -> ParameterSpec {
    guard seed == nil, let own = method.settings[MethodField.seed.key]?.wholeNumber, own != 0 else { return self }
    var spec = self
    spec.seed = UInt64(bitPattern: Int64(own))
    return spec
  }

  /// The tensor's name apart from the adapter's.
  public var id: String { "\(place).\(container).\(member)" }

  /// The tensor's name in the reference's files, below `deberta.`.
  public func key(_ adapter: String) -> String { key(adapter, Alias(place, member)) }

  /// All of its names in the reference's files; the first is the one that is written.
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
  ///   - specs: what there is.
  ///   - tensors: a tensor for the id of every spec.
  public init(_ specs: [ParameterSpec], _ tensors: [String: Tensor]) {
    self.specs = specs
    self.tensors = tensors
  }

  /// Some of the tensors of another adapter.
  init(_ specs: [ParameterSpec], of other: AdapterParameters) { self.init(specs, other.tensors) }

  /// Fresh values for an encoder, each tensor as its initialiser says.
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

  /// The values of a spec; the shape's last dimension are the columns.
  public subscript(spec: ParameterSpec) -> Tensor {
    guard let tensor = tensors[spec.id] else { preconditionFailure("\(spec.id) is not a parameter of this adapter") }
    return tensor
  }

  /// The tensors as they are saved for an adapter of some name; with aliases also under the other names that the
  /// reference has for them.
  public func outgoing(named adapter: String, withAliases: Bool = false) -> [OutgoingTensor] {
    specs.flatMap { spec in
      (withAliases ? spec.keys(adapter) : [spec.key(adapter)]).map {
        OutgoingTensor(name: EncoderLayout.storedName($0), shape: spec.shape, values: self[spec].array)
      }
    }
  }

  /// The same values in memory of their own, to be trained.
  var copied: AdapterParameters {
    AdapterParameters(
      specs, tensors.mapValues { Tensor($0.array, rows: $0.rows, columns: $0.columns) })
  }

  /// The number of values.
  public var count: Int { specs.reduce(0) { $0 + $1.count } }
}
