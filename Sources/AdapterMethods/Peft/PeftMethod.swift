internal import Checkpoints
internal import Deberta
internal import Tensors

/// A method of PEFT: its settings, what it stores for a module, and how that acts.
///
/// One type and one file for each. Which modules it acts on, biases and modules that are saved as a whole, reading,
/// writing, merging and training are written once, in ``PeftAdapter``.
protocol PeftMethod: Sendable {
  /// The value of `peft_type`.
  static var type: String { get }

  /// What the names of its tensors start with, below those of their modules.
  static var prefix: String { get }

  /// The keys of its settings, without those that all methods have.
  static var fields: [MethodField] { get }

  /// The modules that it acts on unless the settings name others; `in_proj` is one of v1.
  static var targets: [String] { get }

  /// Reads its settings, which are complete.
  init(_ fields: ConfigurationFields) throws(ConfigurationError)

  /// What people call it.
  var name: String { get }

  /// What is stored for a module; nil for a kind of module that it does not act on.
  func tensors(for module: PeftModule) throws(ConfigurationError) -> [PeftTensor]?

  /// What is stored once for all modules that it acts on.
  ///
  /// - Parameters:
  ///   - shape: the encoder's.
  ///   - held: all tensors of the folder; nil for a fresh adapter.
  func sharedTensors(
    for modules: [PeftModule], in shape: DebertaConfiguration, among held: [String: [Int]]?
  ) throws(ConfigurationError) -> [PeftTensor]

  /// What its settings say that no folder holds.
  func derivedTensors(for modules: [PeftModule], in encoder: Encoder) -> [String: Tensor]

  /// How it acts on a linear layer.
  func hook(
    _ module: PeftModule, _ tensors: PeftTensors, for layer: Linear, on pass: Pass
  ) -> any ProjectionHook

  /// How it acts on a table of embeddings.
  func hook(_ module: PeftModule, _ tensors: PeftTensors, for table: WeightMatrix, on pass: Pass) -> (any TableHook)?

  /// What stands in the place of a norm.
  func norm(_ module: PeftModule, _ tensors: PeftTensors, for norm: LayerNorm) -> LayerNorm

  /// What lengthens every sequence.
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

/// A module of a model that PEFT saw.
struct PeftModule: Sendable {
  /// Its name below the encoder: `encoder.layer.0.output.dense`.
  let path: String
  /// Its whole name in the model that PEFT saw: `deberta.encoder.layer.0.output.dense`.
  let name: String
  let place: Place
  let kind: Kind
  /// The tensors that a folder holds for it, by their names below the module's; nil for a fresh adapter.
  let held: [String: [Int]]?

  enum Place: Sendable, Hashable {
    case encoder(EncoderPlace)
    /// A linear layer of a head, under transformers' name for it.
    case head
  }

  enum Kind: Sendable, Hashable {
    /// The outputs of a head are what its tensors say.
    case linear(inputs: Int, outputs: Int)
    case table(rows: Int, columns: Int)
    case norm(size: Int)
    /// A bias that stands by itself.
    case vector
    case convolution
  }

  /// The modules of heads that transformers' classes have; of a classifier the outputs are what its tensors say.
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

  /// What decodes words, where it is tied to the word embeddings.
  static let decoders = ["cls.predictions.decoder", "lm_predictions.lm_head"]

  /// The last layers of heads.
  static let outputs: Set<String> = ["classifier", "qa_outputs", "cls.predictions.decoder"]

  /// The number of outputs that the tensors of a linear layer tell.
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

/// A tensor that a method stores.
struct PeftTensor: Sendable {
  /// Below the module's name: `lora_A.weight`.
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

/// The values of the tensors of one module, and of those that all share.
struct PeftTensors: Sendable {
  private let tensors: [String: Tensor]

  /// - Parameter derived: what no folder holds.
  init(_ parameters: AdapterParameters, _ specs: [ParameterSpec], derived: [String: Tensor] = [:]) {
    tensors = derived.merging(specs.map { ($0.member, parameters[$0]) }) { $1 }
  }

  func contains(_ member: String) -> Bool { tensors[member] != nil }

  /// The shape's last dimension are the columns.
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
