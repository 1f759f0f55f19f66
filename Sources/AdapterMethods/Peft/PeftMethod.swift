internal import Checkpoints
internal import Deberta
internal import Tensors

/// A PEFT method: its settings, its tensors per module, and their hooks.
///
/// One type and one file per method. Module matching, biases, saved modules, reading, writing, merging and training are
/// implemented once, in ``PeftAdapter``.
protocol PeftMethod: Sendable {
  /// The value of `peft_type`.
  static var type: String { get }

  /// The prefix of its tensor names within a module.
  static var prefix: String { get }

  /// The keys of its settings, without those shared by all methods.
  static var fields: [MethodField] { get }

  /// The default targets; `in_proj` belongs to v1.
  static var targets: [String] { get }

  /// Reads its settings, which have all keys.
  init(_ fields: ConfigurationFields) throws(ConfigurationError)

  /// The method's common name.
  var name: String { get }

  /// The tensors for a module; nil for an unsupported kind of module.
  func tensors(for module: PeftModule) throws(ConfigurationError) -> [PeftTensor]?

  /// The tensors shared by all adapted modules.
  ///
  /// - Parameters:
  ///   - shape: the encoder's shape.
  ///   - held: all tensors of the folder; nil for a new adapter.
  func sharedTensors(
    for modules: [PeftModule], in shape: DebertaConfiguration, among held: [String: [Int]]?
  ) throws(ConfigurationError) -> [PeftTensor]

  /// Tensors derived from the settings instead of stored in a folder.
  func derivedTensors(for modules: [PeftModule], in encoder: Encoder) -> [String: Tensor]

  /// The hook on a linear layer.
  func hook(
    _ module: PeftModule, _ tensors: PeftTensors, for layer: Linear, on pass: Pass
  ) -> any ProjectionHook

  /// The hook on an embedding table.
  func hook(_ module: PeftModule, _ tensors: PeftTensors, for table: WeightMatrix, on pass: Pass) -> (any TableHook)?

  /// The replacement for a norm.
  func norm(_ module: PeftModule, _ tensors: PeftTensors, for norm: LayerNorm) -> LayerNorm

  /// The prompt added to every sequence.
  func prompt(_ tensors: PeftTensors) -> Prompt?
}

extension PeftMethod {
  static var targets: [String] { ["query_proj", "value_proj", "in_proj"] }

  var name: String { Self.type.lowercased() }

  func sharedTensors(
    for modules: [PeftModule], in shape: DebertaConfiguration, among held: [String: [Int]]?
  ) throws(ConfigurationError) -> [PeftTensor] { [] }

  func derivedTensors(for modules: [PeftModule], in encoder: Encoder) -> [String: Tensor] { [:] }

  func hook(
    _ module: PeftModule, _ tensors: PeftTensors, for layer: Linear, on pass: Pass
  ) -> any ProjectionHook { preconditionFailure("\(Self.type) stores nothing for linear layers") }

  func hook(
    _ module: PeftModule, _ tensors: PeftTensors, for table: WeightMatrix, on pass: Pass
  ) -> (any TableHook)? { preconditionFailure("\(Self.type) stores nothing for tables") }

  func norm(_ module: PeftModule, _ tensors: PeftTensors, for norm: LayerNorm) -> LayerNorm {
    preconditionFailure("\(Self.type) stores nothing for norms")
  }

  func prompt(_ tensors: PeftTensors) -> Prompt? { nil }
}

/// A module of the model wrapped by PEFT.
struct PeftModule: Sendable {
  /// Its name within the encoder: `encoder.layer.0.output.dense`.
  let path: String
  /// Its full name in the model wrapped by PEFT: `deberta.encoder.layer.0.output.dense`.
  let name: String
  let place: Place
  let kind: Kind
  /// The folder's tensors for it, by their names within the module; nil for a new adapter.
  let held: [String: [Int]]?

  enum Place: Sendable, Hashable {
    case encoder(EncoderPlace)
    /// A linear layer of a head, named as in transformers.
    case head
  }

  enum Kind: Sendable, Hashable {
    /// The number of outputs of a head is taken from its tensors.
    case linear(inputs: Int, outputs: Int)
    case table(rows: Int, columns: Int)
    case norm(size: Int)
    /// A standalone bias.
    case vector
    case convolution
  }

  /// The head modules of transformers' classes; the number of outputs of a classifier is taken from its tensors.
  static func headLayers(_ shape: DebertaConfiguration) -> [(path: String, kind: Kind)] {
    let (hidden, size) = (shape.hiddenSize, shape.embeddingSize)
    return [
      ("pooler.dense", .linear(inputs: hidden, outputs: hidden)), ("classifier", .linear(inputs: hidden, outputs: 0)),
      ("qa_outputs", .linear(inputs: hidden, outputs: 2)),
      ("cls.predictions.transform.dense", .linear(inputs: hidden, outputs: size)),
      ("cls.predictions.transform.LayerNorm", .norm(size: size)),
      ("cls.predictions.decoder", .table(rows: shape.vocabularySize, columns: size)),
      ("lm_predictions.lm_head.dense", .linear(inputs: hidden, outputs: size)),
      ("lm_predictions.lm_head.LayerNorm", .norm(size: size)),
      ("lm_predictions.lm_head", .table(rows: shape.vocabularySize, columns: size)),
    ]
  }

  /// The decoders that may be tied to the word embeddings.
  static let decoders = ["cls.predictions.decoder", "lm_predictions.lm_head"]

  /// The last layers of heads.
  static let outputs: Set<String> = ["classifier", "qa_outputs", "cls.predictions.decoder"]

  /// The number of outputs according to a linear layer's tensors.
  static func outputs(of held: [String: [Int]]) -> Int? {
    let first = [
      "lora_B.weight", "lora_B", "ia3_l", "vera_lambda_b", "hada_w1_a", "boft_s", "base_layer.bias",
      "lora_magnitude_vector", "bias",
    ]
    if let shape = first.lazy.compactMap({ held[$0] }).first(where: { $0.last == 1 || $0.count == 1 || $0[0] > 1 }) {
      return shape.first
    }
    let rows = { (name: String) in held[name]?.first ?? held[name + "_a"]?.first }
    if let outer = rows("lokr_w1"), let inner = rows("lokr_w2") { return outer * inner }
    return nil
  }
}

/// A tensor of a method.
struct PeftTensor: Sendable {
  /// The name within the module: `lora_A.weight`.
  let member: String
  let shape: [Int]
  let initializer: Initializer
  var isTrainable = true

  init(_ member: String, _ shape: [Int], _ initializer: Initializer, isTrainable: Bool = true) {
    (self.member, self.shape, self.initializer, self.isTrainable) = (member, shape, initializer, isTrainable)
  }

  func spec(at path: String) -> ParameterSpec {
    ParameterSpec(path, "peft", member, shape, initializer, isTrainable: isTrainable)
  }
}

/// The values of one module's tensors, and of the shared ones.
struct PeftTensors: Sendable {
  private let tensors: [String: Tensor]

  /// - Parameter derived: tensors that are not stored in a folder.
  init(_ parameters: AdapterParameters, _ specs: [ParameterSpec], derived: [String: Tensor] = [:]) {
    tensors = derived.merging(specs.map { ($0.member, parameters[$0]) }) { $1 }
  }

  func contains(_ member: String) -> Bool { tensors[member] != nil }

  /// Columns are the shape's last dimension.
  subscript(member: String) -> Tensor {
    guard let tensor = tensors[member] else { preconditionFailure("\(member) is not a tensor of this module") }
    return tensor
  }

  /// A tensor as one row.
  func row(_ member: String) -> Tensor {
    let tensor = self[member]
    return tensor.reshaped(rows: 1, columns: tensor.rows * tensor.columns)
  }
}
