internal import Checkpoints
internal import Deberta
internal import Tensors

/// Trainable tokens: replaces the embeddings of some tokens.
///
/// The tensor is called a delta but holds the embeddings themselves. Relative positions targeted by a setting are
/// stored as well, but PEFT uses the base model's table.
///
/// Source: peft 0.21, `tuners/trainable_tokens/layer.py`.
struct TrainableTokens: PeftMethod {
  static let type = "TRAINABLE_TOKENS"
  static let prefix = "trainable_tokens_delta"
  static let targets = ["word_embeddings"]

  private let indices: [Int]
  private let file: String

  static let fields: [MethodField] = [
    MethodField("token_indices", .array([])),
    MethodField("init_weights", .bool(true), .startsOnly("true: a fresh adapter starts with the model's embeddings")),
  ]

  init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    indices = try fields.integers("token_indices") ?? []
    try TrainedTokens.check(indices, "token_indices", fields)
    file = fields.file
  }

  func tensors(for module: PeftModule) throws(ConfigurationError) -> [PeftTensor]? {
    guard case .table(let rows, let columns) = module.kind, case .encoder(let place) = module.place else { return nil }
    if let odd = indices.first(where: { $0 >= rows }) {
      throw .impossible(
        key: "token_indices", value: "\(odd) among others",
        expected: "less than \(rows), the rows of '\(module.name)'", file: file)
    }
    return [PeftTensor("trainable_tokens_delta", [indices.count, columns], .rows(place, indices))]
  }

  func hook(
    _ module: PeftModule, _ tensors: PeftTensors, for table: WeightMatrix, on pass: Pass
  ) -> (any TableHook)? {
    if case .encoder(.relativePositions) = module.place { return nil }
    return TokenRows(indices: indices, rows: tensors["trainable_tokens_delta"])
  }
}
