internal import Checkpoints
internal import Deberta
internal import Foundation
internal import Heads
internal import Tensors
internal import Tokenization

extension Inspection.Part {
  /// A checkpoint's folder, tried as a base model.
  static func checkpoint(_ folder: String) -> Inspection.Part {
    PartDraft.part(.checkpoint) { draft in
      let fields = try ConfigurationFields(path: folder + "/config.json")
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
      let ledger = WeightLedger(checkpoint.weights, rename: \.belowDeberta)
      let head = try StaticHead(.object(fields.members), file: fields.file, in: ledger)
      try draft.compare(
        checkpoint.weights, with: shape.encoderTensors + (head?.tensors(shape, in: ledger) ?? []),
        rename: \.belowDeberta, isLeft: Encoder.isKnownUnused
      ) {
        let reader = WeightReader(ledger, Compute(threads: 1))
        let words = try Encoder(reader, shape).wordEmbeddings
        _ = try head?.read(reader, shape, words: words)
        try ledger.finish(knowing: Encoder.isKnownUnused)
      }
    }
  }

  private static func missingTokenizer(_ folder: String) -> [String] {
    guard let reason = failure({ _ = try DebertaV2Tokenizer(folder: folder) }) else { return [] }
    let isThere = FileManager.default.fileExists(atPath: folder + "/spm.model")
    return [isThere ? "a tokenizer that can be read: \(reason)" : "the tokenizer's spm.model, to read texts"]
  }
}

extension String {
  /// A tensor's name below the encoder, `deberta.` being left out.
  var belowDeberta: String { hasPrefix("deberta.") ? String(dropFirst("deberta.".count)) : self }
}
