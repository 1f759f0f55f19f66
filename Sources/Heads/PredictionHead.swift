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

  /// Whether there is an answer for each token, not for each sequence.
  public var answersTokens: Bool {
    switch self {
    case .classification, .multilabelClassification, .multipleChoice: false
    case .tagging, .questionAnswering, .maskedLM: true
    }
  }
}

/// A named prediction head on top of an encoder's hidden states.
///
/// A row of modules: for k layers, k - 1 times a linear layer H → H and the
/// activation, then a linear layer to the labels. Heads of sequences read the
/// first token of each. Masked language models have a layer norm behind each
/// activation, and the labels are the vocabulary.
///
/// Source: adapters, `heads/base.py`, `PredictionHead`; `heads/language_modeling.py`.
public struct PredictionHead: Sendable {
  public let settings: HeadSettings
  /// The modules in order, with the numbers that their tensors go by.
  let modules: [(index: Int, module: Module)]

  enum Module: Sendable {
    case linear(Linear)
    case activation(Activation)
    case norm(LayerNorm)
  }

  /// Reads a head's tensors: `INDEX.weight`, `INDEX.bias`.
  public init(
    _ settings: HeadSettings, _ weights: WeightReader, hiddenSize: Int, layerNormEps: Float
  ) throws(CheckpointError) {
    self.settings = settings
    var modules: [(index: Int, module: Module)] = []
    for (index, plan) in settings.modules(hiddenSize: hiddenSize) {
      let reader = weights["\(index)"]
      switch plan {
      case .linear(let inputs, let outputs, let bias):
        modules.append((index, .linear(try reader.linear(in: inputs, out: outputs, bias: bias))))
      case .activation(let activation): modules.append((index, .activation(activation)))
      case .norm(let size): modules.append((index, .norm(try reader.layerNorm(size, eps: layerNormEps))))
      }
    }
    self.modules = modules
  }

  /// Reads a head whose linear layers are stored under names of their own, in order.
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
      case .norm: preconditionFailure("a layer norm has no name in \(parts)")
      }
    }
    self.settings = settings
    self.modules = modules
  }

  /// A fresh head: weights N(0, deviation), biases 0.
  public init(
    _ settings: HeadSettings, hiddenSize: Int, layerNormEps: Float, deviation: Float, seed: UInt64, _ compute: Compute
  ) {
    var random = RandomNumbers(seed: seed)
    self.settings = settings
    modules = settings.modules(hiddenSize: hiddenSize).map { index, plan in
      func vector(_ value: Float, _ count: Int) -> Tensor {
        Tensor(Array(repeating: value, count: count), rows: 1, columns: count)
      }
      switch plan {
      case .linear(let inputs, let outputs, let bias):
        let values = (0..<inputs * outputs).map { _ in deviation * random.normal() }
        return (
          index,
          .linear(
            Linear(
              weight: Tensor(values, rows: outputs, columns: inputs), bias: bias ? vector(0, outputs) : nil, compute))
        )
      case .activation(let activation): return (index, .activation(activation))
      case .norm(let size):
        return (index, .norm(LayerNorm(gain: vector(1, size), bias: vector(0, size), eps: layerNormEps)))
      }
    }
  }

  /// Logits: [sequences, labels], or [tokens, labels] for heads that answer tokens.
  ///
  /// - Parameters:
  ///   - hidden: the last hidden states of all tokens, [T, H].
  ///   - starts: where each sequence starts, with T behind the last; each has a token.
  ///   - pass: what it computes with.
  public func callAsFunction(_ hidden: Tensor, starts: [Int], on pass: Pass) -> Tensor {
    var x = settings.kind.answersTokens ? hidden : pass.gather(hidden, rows: Array(starts.dropLast()))
    for (_, module) in modules {
      switch module {
      case .linear(let linear): x = pass.linear(x, linear)
      // The input of an activation is always the fresh result of a linear layer.
      case .activation(let activation): pass.activate(x, activation)
      case .norm(let norm): pass.norm(x, norm, into: x)
      }
    }
    return x
  }

  /// The tensors as they are saved, below `heads.NAME.`.
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
      }
    }
  }
}
