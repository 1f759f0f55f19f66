public import Checkpoints
public import Tensors

/// What a head predicts.
public enum HeadKind: String, Sendable, Hashable, CaseIterable {
  case classification
  case multilabelClassification = "multilabel_classification"
  case tagging
  case questionAnswering = "question_answering"
  case multipleChoice = "multiple_choice"
  case maskedLM = "masked_lm"

  /// Whether the head answers each token instead of each sequence.
  public var answersTokens: Bool {
    switch self {
    case .classification, .multilabelClassification, .multipleChoice: false
    case .tagging, .questionAnswering, .maskedLM: true
    }
  }
}

/// A named prediction head on top of an encoder's hidden states.
///
/// A sequence of modules: with k layers, k - 1 pairs of a linear layer H → H and the activation, then a linear layer to
/// the labels. Sequence heads read the first token. Masked language models have a layer norm after each activation, and
/// their last layer, to the vocabulary, is the decoder; it usually shares the memory of the word embeddings.
///
/// Source: adapters, `heads/base.py`, `PredictionHead`; `heads/language_modeling.py`.
public struct PredictionHead: Sendable {
  public private(set) var settings: HeadSettings
  /// The modules in order, with the indices used in their tensors' names.
  let modules: [(index: Int, module: Module)]
  /// Absolute positions [positions, H] of Microsoft's enhanced mask decoder: the head reads the result of running the
  /// encoder's last layer with them.
  ///
  /// Nil for a head that reads the last hidden states.
  public let queryPositions: Tensor?
  /// The maximum input length in tokens during training, 0 for the model's limit; nil if it was not recorded.
  public var maximumLength: Int?
  /// The base model's pooler, if the head uses it.
  public var pooler: Pooler?
  /// Dropout on the input of each linear layer, in training; masked language models have none.
  public var dropout: Float = 0
  /// Module names in transformers' classes, such as `pooler.dense`, by index; adapters target modules by these names.
  ///
  /// Empty for heads that match none of the classes.
  public var layerNames: [Int: String] = [:]

  enum Module: Sendable {
    case linear(Linear)
    case activation(Activation)
    case norm(LayerNorm)
    case decoder(Decoder)
  }

  init(_ settings: HeadSettings, _ modules: [(index: Int, module: Module)], queryPositions: Tensor? = nil) {
    self.settings = settings
    self.modules = modules
    self.queryPositions = queryPositions
  }

  /// The same head with different settings and modules.
  init(_ other: PredictionHead, _ settings: HeadSettings, _ modules: [(index: Int, module: Module)]) {
    self.init(settings, modules, queryPositions: other.queryPositions)
    (pooler, maximumLength, dropout) = (other.pooler, other.maximumLength, other.dropout)
  }

  /// Reads a head's tensors: `INDEX.weight`, `INDEX.bias`.
  ///
  /// - Parameters:
  ///   - words: the word embeddings [vocabulary, E]. A decoder with the same values shares their memory; a tied decoder
  ///     may be missing from the file.
  ///   - hiddenSize: the model's hidden size.
  ///   - settings: the head's settings.
  ///   - layerNormEps: the model's epsilon.
  ///   - weights: where the tensors are read.
  public init(
    _ settings: HeadSettings, _ weights: WeightReader, hiddenSize: Int, layerNormEps: Float,
    tiedTo words: WeightMatrix? = nil
  ) throws(CheckpointError) {
    var modules: [(index: Int, module: Module)] = []
    for (index, plan) in settings.modules(hiddenSize: hiddenSize) {
      let reader = weights["\(index)"]
      switch plan {
      case .linear(let inputs, let outputs, let bias):
        modules.append((index, .linear(try reader.linear(in: inputs, out: outputs, bias: bias))))
      case .activation(let activation): modules.append((index, .activation(activation)))
      case .norm(let size): modules.append((index, .norm(try reader.layerNorm(size, eps: layerNormEps))))
      case .decoder(let inputs, let outputs, let bias):
        let decoder = try reader.decoder(in: inputs, out: outputs, bias: bias, tiedTo: words)
        modules.append((index, .decoder(decoder)))
      }
    }
    self.init(settings, modules)
  }

  /// Reads a classification head whose linear layers are stored under the given names, in order.
  public init(
    _ settings: HeadSettings, _ weights: WeightReader, parts: [String], hiddenSize: Int
  ) throws(CheckpointError) {
    var modules: [(index: Int, module: Module)] = []
    var rest = parts[...]
    for (index, plan) in settings.modules(hiddenSize: hiddenSize) {
      switch plan {
      case .linear(let inputs, let outputs, let bias):
        guard let part = rest.popFirst() else { preconditionFailure("more linear layers than \(parts)") }
        modules.append((index, .linear(try weights[part].linear(in: inputs, out: outputs, bias: bias))))
      case .activation(let activation): modules.append((index, .activation(activation)))
      case .norm, .decoder: preconditionFailure("a head of labels has no \(plan)")
      }
    }
    self.init(settings, modules)
    let linears = modules.filter { if case .linear = $0.module { true } else { false } }
    layerNames = Dictionary(uniqueKeysWithValues: zip(linears.map(\.index), parts))
  }

  /// A newly initialized head: weights N(0, deviation), biases 0.
  ///
  /// - Parameters:
  ///   - words: the word embeddings [vocabulary, E], to which a decoder of the same shape is tied.
  ///   - seed: makes the random values reproducible.
  ///   - hiddenSize: the model's hidden size.
  ///   - settings: the head's settings.
  ///   - deviation: the standard deviation of new weights.
  ///   - compute: the kernels and threads.
  ///   - layerNormEps: the model's epsilon.
  public init(
    _ settings: HeadSettings, hiddenSize: Int, layerNormEps: Float, deviation: Float, seed: UInt64,
    tiedTo words: WeightMatrix? = nil, _ compute: Compute
  ) {
    var random = RandomNumbers(seed: seed)
    func matrix(_ rows: Int, _ columns: Int) -> Tensor {
      Tensor((0..<rows * columns).map { _ in deviation * random.normal() }, rows: rows, columns: columns)
    }
    func vector(_ value: Float, _ count: Int) -> Tensor {
      Tensor(Array(repeating: value, count: count), rows: 1, columns: count)
    }
    var modules: [(index: Int, module: Module)] = []
    for (index, plan) in settings.modules(hiddenSize: hiddenSize) {
      switch plan {
      case .linear(let inputs, let outputs, let bias):
        let weight = matrix(outputs, inputs)
        modules.append((index, .linear(Linear(weight: weight, bias: bias ? vector(0, outputs) : nil, compute))))
      case .activation(let activation): modules.append((index, .activation(activation)))
      case .norm(let size):
        let norm = LayerNorm(gain: vector(1, size), bias: vector(0, size), eps: layerNormEps)
        modules.append((index, .norm(norm)))
      case .decoder(let inputs, let outputs, let bias):
        let words = words.flatMap { $0.rows == outputs && $0.columns == inputs ? $0 : nil }
        let weight = words ?? WeightMatrix(matrix(outputs, inputs))
        modules.append((index, .decoder(Decoder(weight: weight, bias: bias ? vector(0, outputs) : nil))))
      }
    }
    self.init(settings, modules)
  }

  /// Logits: [sequences, labels], or [tokens, labels] for heads that answer tokens.
  ///
  /// - Parameters:
  ///   - hidden: the last hidden states of all tokens, [T, H].
  ///   - starts: the start of each sequence, then T; no sequence is empty.
  ///   - pass: the kernels, threads, tape and trace.
  ///   - edit: changes a decoder's input in place; its rows are those of the result.
  public func callAsFunction(
    _ hidden: Tensor, starts: [Int], on pass: Pass, beforeDecoder edit: ((Tensor) -> Void)? = nil
  ) -> Tensor {
    self(hidden, starts: starts, on: pass, beforeDecoder: edit) { _, _, _ in }
  }

  /// Logits with adapters applied to modules of the head.
  ///
  /// - Parameters:
  ///   - hidden: the last hidden states of all tokens, [T, H].
  ///   - starts: the start of each sequence, then T; no sequence is empty.
  ///   - pass: the kernels, threads, tape and trace.
  ///   - edit: changes a decoder's input in place; its rows are those of the result.
  ///   - adapt: changes the output of a named module in place; a norm's input is overwritten by then.
  public func callAsFunction(
    _ hidden: Tensor, starts: [Int], on pass: Pass, beforeDecoder edit: ((Tensor) -> Void)?,
    adapting adapt: (NamedLayer, _ input: Tensor, _ output: Tensor) throws -> Void
  ) rethrows -> Tensor {
    var x = settings.kind.answersTokens ? hidden : pass.gather(hidden, rows: Array(starts.dropLast()))
    if let pooler { x = pooler(x, on: pass) }
    for (index, module) in modules {
      switch module {
      case .linear(let linear):
        let input = settings.kind == .maskedLM ? x : pass.dropped(x, dropout)
        x = pass.linear(input, linear)
        if let layer = layerNames[index].flatMap({ Self.named($0, module) }) { try adapt(layer, input, x) }
      // The input of an activation is always the new result of a linear layer.
      case .activation(let activation): pass.activate(x, activation)
      case .norm(let norm):
        pass.norm(x, norm, into: x)
        if let layer = layerNames[index].flatMap({ Self.named($0, module) }) { try adapt(layer, x, x) }
      case .decoder(let decoder):
        if let edit {
          x = pass.copy(x)
          edit(x)
        }
        let input = x
        x = pass.scores(input, decoder)
        if let layer = layerNames[index].flatMap({ Self.named($0, module) }) { try adapt(layer, input, x) }
      }
    }
    return x
  }

  /// A module with its name in transformers.
  public struct NamedLayer: Sendable {
    public let name: String
    /// The module, if it is a linear layer.
    public var linear: Linear?
    /// The weights [outputs, inputs] of a decoder.
    public var words: WeightMatrix?
    /// [1, outputs]
    public var bias: Tensor?
  }

  /// The named modules.
  public var namedLayers: [NamedLayer] {
    modules.compactMap { index, module in layerNames[index].flatMap { Self.named($0, module) } }
  }

  private static func named(_ name: String, _ module: Module) -> NamedLayer? {
    switch module {
    case .linear(let linear): NamedLayer(name: name, linear: linear, bias: linear.bias)
    case .norm(let norm): NamedLayer(name: name, bias: norm.bias)
    case .decoder(let decoder): NamedLayer(name: name, words: decoder.weight, bias: decoder.bias)
    case .activation: nil
    }
  }

  /// The same head with some named linear layers replaced.
  public func replacing(_ layers: [String: Linear]) -> PredictionHead {
    let replaced = modules.map { index, module -> (index: Int, module: Module) in
      guard case .linear = module, let own = layerNames[index].flatMap({ layers[$0] }) else { return (index, module) }
      return (index, .linear(own))
    }
    var head = PredictionHead(settings, replaced, queryPositions: queryPositions)
    (head.maximumLength, head.dropout, head.layerNames) = (maximumLength, dropout, layerNames)
    head.pooler = pooler
    return head
  }

  /// The same head with names for its outputs.
  ///
  /// - Throws: ``LabelNamesError``.
  public func naming(_ labels: [String]) throws(LabelNamesError) -> PredictionHead {
    var head = self
    head.settings = try settings.naming(labels)
    return head
  }

  /// The same head with a threshold for each label.
  ///
  /// - Throws: ``ThresholdError``.
  public func deciding(at thresholds: [Float]?) throws(ThresholdError) -> PredictionHead {
    var head = self
    head.settings = try settings.deciding(at: thresholds)
    return head
  }

  /// The same head, with its training function as its score function.
  public var answeringTargets: PredictionHead {
    var head = self
    head.settings = settings.answeringTargets
    return head
  }

  /// The input width of a masked language model's decoder; nil for other heads.
  public var decoderInputs: Int? {
    if case .decoder(let decoder)? = modules.last?.module { decoder.inputs } else { nil }
  }

  /// The number of values in the head; a decoder that shares the word embeddings' memory counts only its bias.
  public var parameterCount: Int {
    modules.reduce(0) { count, item in
      switch item.module {
      case .linear(let linear): count + linear.outputs * (linear.inputs + (linear.bias == nil ? 0 : 1))
      case .activation: count
      case .norm(let norm): count + 2 * norm.gain.columns
      case .decoder(let decoder): count + (decoder.bias == nil ? 0 : decoder.outputs)
      }
    }
  }

  /// The tensors as saved, named below `heads.NAME.`.
  public func tensors(_ compute: Compute) -> [(name: String, shape: [Int], values: [Float])] {
    modules.flatMap { index, module -> [(name: String, shape: [Int], values: [Float])] in
      switch module {
      case .linear(let linear):
        let weight = compute.unpacked(linear.weight)
        let bias = linear.bias.map { [("\(index).bias", [linear.outputs], $0.array)] } ?? []
        return [("\(index).weight", [linear.outputs, linear.inputs], weight.array)] + bias
      case .activation: return []
      case .norm(let norm):
        return [
          ("\(index).weight", [norm.gain.columns], norm.gain.array),
          ("\(index).bias", [norm.bias.columns], norm.bias.array),
        ]
      case .decoder(let decoder):
        let bias = decoder.bias.map { [("\(index).bias", [decoder.outputs], $0.array)] } ?? []
        return [("\(index).weight", [decoder.outputs, decoder.inputs], decoder.weight.widened(compute).array)] + bias
      }
    }
  }
}
