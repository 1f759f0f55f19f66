internal import Checkpoints
internal import Deberta
internal import Tensors

/// `trainable_token_indices`: embedding rows replaced by an adapter of another method.
///
/// Source: peft, `tuners/trainable_tokens`; `utils/other.py`, `TrainableTokensWrapper`.
struct TrainedTokens: Sendable {
  /// Keyed by suffixes of table names.
  private let indices: [String: [Int]]
  private let file: String

  /// Nil if the settings contain no tokens.
  init?(_ fields: ConfigurationFields) throws(ConfigurationError) {
    let key = "trainable_token_indices"
    let indices = try fields.value(key, "a list of token ids, or an object of such lists for each table") { value in
      if let own = value.tokenIndices { return ["embeddings.word_embeddings": own] }
      guard case .object(let members) = value else { return nil }
      let lists = members.compactMapValues(\.tokenIndices)
      return lists.count == members.count ? lists : nil
    }
    guard let indices, !indices.values.allSatisfy(\.isEmpty) else { return nil }
    self.indices = indices
    file = fields.file
    try Self.check(indices.values.flatMap { $0 }, key, fields)
  }

  static func check(_ indices: [Int], _ key: String, _ fields: ConfigurationFields) throws(ConfigurationError) {
    if let odd = indices.first(where: { $0 < 0 }) {
      throw fields.impossible(key, "\(odd) among others", "ids of tokens from 0")
    }
  }

  /// The replaced tokens of a table; nil if there are none.
  func indices(for module: PeftModule) -> [Int]? {
    guard case .table = module.kind else { return nil }
    return indices.first { module.name.hasSuffix($0.key) }?.value
  }

  func tensor(for module: PeftModule) throws(ConfigurationError) -> PeftTensor? {
    guard case .table(let rows, let columns) = module.kind, let own = indices(for: module),
      case .encoder(let place) = module.place
    else { return nil }
    if let odd = own.first(where: { $0 >= rows }) {
      throw .impossible(
        key: "trainable_token_indices", value: "\(odd) among others",
        expected: "less than \(rows), the rows of '\(module.name)'", file: file)
    }
    return PeftTensor("token_adapter.trainable_tokens_delta", [own.count, columns], .rows(place, own))
  }
}

/// Replaces rows of a table.
struct TokenRows: TableHook {
  let indices: [Int]
  /// One row per index.
  let rows: Tensor

  func adapt(_ y: Tensor, rows asked: [Int], on pass: Pass) {
    let known = Dictionary(zip(indices, 0...)) { _, last in last }
    for (row, index) in asked.enumerated() {
      guard let own = known[index] else { continue }
      pass.copy(rows.rows(own..<own + 1), into: y.rows(row..<row + 1))
    }
  }
}

extension JSONValue {
  fileprivate var tokenIndices: [Int]? {
    guard case .array(let elements) = self else { return nil }
    let numbers = elements.compactMap(\.wholeNumber)
    return numbers.count == elements.count ? numbers : nil
  }
}
