internal import Checkpoints
internal import Deberta
internal import Foundation
internal import Heads
internal import Tensors
internal import Tokenization

extension Inspection.Part {
  /// Inspects a checkpoint's folder, and loads it as a base model.
  static func checkpoint(_ folder: String) -> Inspection.Part {
    PartDraft.part(.checkpoint) { draft in
      let (json, file) = try CheckpointFolder.readConfiguration(folder)
      let fields = try ConfigurationFields(JSONValue(json, file: file), file: file)
      draft.facts = fields.facts([
        "architectures", "model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
        "vocab_size", "position_buckets", "max_relative_positions", "pos_att_type", "share_att_key", "conv_kernel_size",
        "torch_dtype",
      ])
      draft.needs = missingTokenizer(folder)
      let checkpoint = try CheckpointFolder(path: folder)
      draft.list(checkpoint.weights)
      draft.addParameterCount()
      let shape = try DebertaV2Configuration(json: checkpoint.configuration, file: fields.file)
      let ledger = WeightLedger(checkpoint.weights, rename: EncoderLayout.ownName)
      let head = try StaticHead(fields, in: ledger, hiddenSize: shape.hiddenSize)
      if let head { draft.add("head", head.text) }
      let whole = try WholeModel(fields)
      draft.facts += whole?.facts ?? []
      let wanted =
        shape.wantedTensors
        + EncoderLayout(shape).optionalTensors.filter { ledger.contains($0.name) }.map {
          WantedTensor($0.name, $0.shape)
        }
        + (head?.tensors(shape, in: ledger) ?? [])
        + (whole == nil ? [] : checkpoint.weights.added)
      try draft.compare(
        checkpoint.weights, with: wanted, rename: EncoderLayout.ownName, isLeft: Encoder.isKnownUnused
      ) {
        _ = try DebertaV2AdapterModel(folder: folder, compute: Compute(threads: 1))
      }
    }
  }

  private static func missingTokenizer(_ folder: String) -> [String] {
    guard let reason = failure({ _ = try AutoTokenizer.load(folder: folder) }) else { return [] }
    let isThere = AutoTokenizer.modelFiles.contains {
      FileManager.default.fileExists(atPath: "\(folder)/\($0)")
    }
    return [
      isThere
        ? "a tokenizer that can be read: \(reason)"
        : "a tokenizer (\(AutoTokenizer.modelFiles.joined(separator: ", "))), to read texts"
    ]
  }
}

extension TensorFile {
  /// The tensors of adapters, fusions and heads that `adapters` added to a model; loading checks whether they fit.
  fileprivate var added: [WantedTensor] {
    tensors.map { (EncoderLayout.ownName($0.name), $0.shape) }.filter { WholeModel.isAdded($0.0) }
      .map { WantedTensor($0.0, $0.1) }
  }
}
