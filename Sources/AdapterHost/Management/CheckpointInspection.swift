internal import Checkpoints
internal import DebertaV2
internal import Foundation
internal import Heads
internal import Tensors
internal import Tokenization

/// A checkpoint's folder, tried as a base model.
struct CheckpointInspection {
  let part: Inspection.Part

  init(_ folder: String) {
    var facts: [Inspection.Fact] = []
    var needs: [String] = []
    var tensors: [Inspection.Tensor] = []
    let problem = problem {
      let file = folder + "/config.json"
      let fields = try ConfigurationFields(path: file)
      facts = fields.facts([
        "architectures", "model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
        "vocab_size", "position_buckets", "max_relative_positions", "pos_att_type", "share_att_key", "conv_kernel_size",
        "torch_dtype",
      ])
      needs = Self.missingTokenizer(folder)
      let checkpoint = try CheckpointFolder(path: folder)
      tensors = checkpoint.weights.tensors.map { Inspection.Tensor($0, .unknown) }
      let ledger = WeightLedger(checkpoint.weights, rename: Self.ownName)
      let failure = AdapterHost.problem { try Self.load(ledger, checkpoint, fields) }
      let unread = Set(ledger.unused)
      tensors = checkpoint.weights.tensors.map { stored in
        let name = Self.ownName(stored.name)
        if !unread.contains(name) { return Inspection.Tensor(stored, .used) }
        if Encoder.isKnownUnused(name) { return Inspection.Tensor(stored, .left) }
        return Inspection.Tensor(stored, failure == nil ? .unexpected : .unknown)
      }
      facts.append(
        Inspection.Fact(name: "parameters", value: "\(tensors.reduce(0) { $0 + $1.shape.reduce(1, *) })"))
      if let failure { throw Failure(description: failure) }
      try ledger.finish(knowing: Encoder.isKnownUnused)
    }
    part = Inspection.Part(kind: .checkpoint, facts: facts, tensors: tensors, needs: needs, problem: problem)
  }

  /// Reads everything that a base model reads.
  private static func load(
    _ ledger: WeightLedger, _ checkpoint: CheckpointFolder, _ fields: ConfigurationFields
  ) throws {
    let shape = try DebertaV2Configuration(json: checkpoint.configuration, file: fields.file)
    let reader = WeightReader(ledger, Compute(threads: 1))
    let words = try Encoder(reader, shape).wordEmbeddings
    let head = try StaticHead(.object(fields.members), file: fields.file, in: ledger)
    _ = try head?.read(reader, shape, words: words)
  }

  private static func ownName(_ name: String) -> String {
    name.hasPrefix("deberta.") ? String(name.dropFirst("deberta.".count)) : name
  }

  private static func missingTokenizer(_ folder: String) -> [String] {
    guard let reason = AdapterHost.problem({ _ = try DebertaV2Tokenizer(folder: folder) }) else { return [] }
    let isThere = FileManager.default.fileExists(atPath: folder + "/spm.model")
    return [isThere ? "a tokenizer that can be read: \(reason)" : "the tokenizer's spm.model, to read texts"]
  }

  private struct Failure: Error, CustomStringConvertible { let description: String }
}
