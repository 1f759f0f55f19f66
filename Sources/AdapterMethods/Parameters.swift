public import Tensors

/// One tensor that an adapter stores.
public struct ParameterSpec: Sendable, Hashable {
  /// The module that owns it, below `deberta.`: `encoder.layer.0.output`.
  public let place: String
  /// The module's collection of adapters: `adapters`, `loras`.
  public let container: String
  /// The tensor within the adapter's part: `adapter_up.weight`.
  public let member: String
  public let shape: [Int]
  public let initializer: Initializer
  public let isTrainable: Bool
  /// Other members under which the reference stores the same tensor.
  public let aliases: [String]

  public init(
    _ place: String, _ container: String, _ member: String, _ shape: [Int], _ initializer: Initializer,
    isTrainable: Bool = true, aliases: [String] = []
  ) {
    self.place = place
    self.container = container
    self.member = member
    self.shape = shape
    self.initializer = initializer
    self.isTrainable = isTrainable
    self.aliases = aliases
  }

  /// The tensor's name apart from the adapter's.
  public var id: String { "\(place).\(container).\(member)" }

  /// The tensor's name in the reference's files, below `deberta.`.
  public func key(_ adapter: String, member: String? = nil) -> String {
    "\(place).\(container).\(adapter).\(member ?? self.member)"
  }

  public var count: Int { shape.reduce(1, *) }
}

/// The tensors of one adapter.
public struct AdapterParameters: Sendable {
  public let specs: [ParameterSpec]
  private let tensors: [String: Tensor]

  /// - Parameter tensors: a tensor for the id of every spec.
  public init(_ specs: [ParameterSpec], _ tensors: [String: Tensor]) {
    self.specs = specs
    self.tensors = tensors
  }

  /// Fresh values, each tensor as its initialiser says.
  public init(_ specs: [ParameterSpec], random: inout RandomNumbers) {
    var tensors: [String: Tensor] = [:]
    for spec in specs {
      let columns = spec.shape.last ?? 1
      tensors[spec.id] = Tensor(
        spec.initializer.values(spec.shape, &random), rows: spec.count / max(columns, 1), columns: columns)
    }
    self.init(specs, tensors)
  }

  /// The values of a spec; the shape's last dimension are the columns.
  public subscript(spec: ParameterSpec) -> Tensor {
    guard let tensor = tensors[spec.id] else { preconditionFailure("\(spec.id) is not a parameter of this adapter") }
    return tensor
  }

  /// The number of values.
  public var count: Int { specs.reduce(0) { $0 + $1.count } }
}

/// How a parameter starts.
public enum Initializer: Sendable, Hashable {
  case constant(Float)
  /// Mean 0.
  case normal(deviation: Float)
  /// Mean 0, cut at two deviations.
  case truncatedNormal(deviation: Float)
  /// -bound ..< bound
  case uniform(bound: Float)

  /// PyTorch's default for a linear layer of so many inputs: uniform, ± 1 / √inputs.
  static func linear(inputs: Int) -> Initializer { .uniform(bound: 1 / Float(inputs).squareRoot()) }

  func values(_ shape: [Int], _ random: inout RandomNumbers) -> [Float] {
    (0..<shape.reduce(1, *)).map { _ in
      switch self {
      case .constant(let value): value
      case .normal(let deviation): deviation * random.normal()
      case .truncatedNormal(let deviation): deviation * random.normal(within: 2)
      case .uniform(let bound): bound * (2 * random.uniform() - 1)
      }
    }
  }
}
