public import Checkpoints
public import Tensors

/// The masked language model heads included in checkpoints, identified by tensor names.
///
/// Both are a dense layer, an activation, a layer norm, and the word embeddings as decoder:
///
///     scores = norm(act(h Wᵀ + b)) Eᵀ + c        h [T, H], W [size, H], E [vocabulary, size]
///
/// Source: transformers, `modeling_deberta_v2.py`, `DebertaV2ForMaskedLM`;
/// Microsoft, `bert.py`, `BertLMPredictionHead`.
public enum StaticMaskedLM: Sendable, Hashable, CaseIterable {
  /// `cls.predictions.transform.{dense,LayerNorm}`, `cls.predictions.bias`; a `cls.predictions.decoder` if it is not
  /// tied, or stored twice.
  case huggingFace
  /// `lm_predictions.lm_head.{dense,LayerNorm,bias}`: Microsoft's, and transformers' with `legacy` false. Always tied.
  case microsoft

  /// The kind whose tensors a checkpoint contains.
  public init?(in tensors: WeightLedger) {
    let found = Self.allCases.first { tensors.contains($0.transform + ".dense.weight") }
    guard let found else { return nil }
    self = found
  }

  /// The prefix of the dense layer and the layer norm.
  fileprivate var transform: String {
    switch self {
    case .huggingFace: "cls.predictions.transform"
    case .microsoft: "lm_predictions.lm_head"
    }
  }

  /// The names of the dense layer, the layer norm, and the decoder.
  public var modules: [String] {
    let decoder = self == .huggingFace ? "cls.predictions.decoder" : transform
    return [transform + ".dense", transform + ".LayerNorm", decoder]
  }

  fileprivate func decoder(
    _ weights: WeightReader, in inputs: Int, out outputs: Int, _ words: WeightMatrix, isTied: Bool
  ) throws(CheckpointError) -> Decoder {
    switch self {
    case .microsoft:
      return Decoder(weight: words, bias: try weights["lm_predictions.lm_head"].tensor("bias", [outputs]))
    case .huggingFace:
      let predictions = weights["cls.predictions"]
      let own = predictions["decoder"]
      // The two biases are one tensor; PyTorch files store it under both names.
      let bias = predictions.contains("bias") || !own.contains("bias") ? predictions : own
      return Decoder(
        weight: try own.decoderWeight(in: inputs, out: outputs, tiedTo: isTied ? words : nil),
        bias: try bias.tensor("bias", [outputs]))
    }
  }
}

extension PredictionHead {
  /// Reads the masked language model head included in a checkpoint.
  ///
  /// - Parameters:
  ///   - kind: the kind of its tensor names.
  ///   - weights: the checkpoint's tensors, from the root.
  ///   - settings: settings of two layers, sized for the word embeddings.
  ///   - words: the word embeddings [vocabulary, size].
  ///   - isTied: whether the word embeddings replace a missing decoder of a transformers head.
  ///   - queryPositions: the positions [positions, H] of an enhanced mask decoder.
  ///   - hiddenSize: the model's hidden size.
  ///   - layerNormEps: the model's epsilon.
  /// - Throws: `CheckpointError`, naming the tensor.
  public init(
    _ kind: StaticMaskedLM, _ weights: WeightReader, _ settings: HeadSettings, hiddenSize: Int, layerNormEps: Float,
    words: WeightMatrix, isTied: Bool, queryPositions: Tensor? = nil
  ) throws(CheckpointError) {
    let transform = weights[kind.transform]
    var modules: [(index: Int, module: Module)] = []
    for (index, plan) in settings.modules(hiddenSize: hiddenSize) {
      switch plan {
      case .linear(let inputs, let outputs, let bias):
        modules.append((index, .linear(try transform["dense"].linear(in: inputs, out: outputs, bias: bias))))
      case .activation(let activation): modules.append((index, .activation(activation)))
      case .norm(let size):
        modules.append((index, .norm(try transform["LayerNorm"].layerNorm(size, eps: layerNormEps))))
      case .decoder(let inputs, let outputs, _):
        let decoder = try kind.decoder(weights, in: inputs, out: outputs, words, isTied: isTied)
        modules.append((index, .decoder(decoder)))
      }
    }
    self.init(settings, modules, queryPositions: queryPositions)
    for (index, module) in modules {
      switch module {
      case .linear: layerNames[index] = kind.modules[0]
      case .norm: layerNames[index] = kind.modules[1]
      case .decoder: layerNames[index] = kind.modules[2]
      case .activation: continue
      }
    }
  }
}
