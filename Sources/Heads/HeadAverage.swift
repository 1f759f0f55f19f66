internal import Checkpoints
public import Tensors

extension PredictionHead {
  /// The weighted sum of heads whose settings are equal, apart from dropout.
  ///
  /// Source: adapters, `heads/model_mixin.py`, `average_head`.
  /// - Parameters:
  ///   - heads: at least one, with names and weights.
  ///   - hiddenSize: the model's hidden size.
  ///   - layerNormEps: the model's epsilon.
  ///   - words: the word embeddings, to which a decoder may be tied.
  ///   - compute: the kernels and threads.
  /// - Throws: `HeadAverageError`, with the settings that differ; `CheckpointError`, if tensors do not match.
  public static func sum(
    _ heads: [(name: String, head: PredictionHead, weight: Float)], hiddenSize: Int, layerNormEps: Float,
    tiedTo words: WeightMatrix?, _ compute: Compute
  ) throws -> PredictionHead {
    let first = heads[0]
    for other in heads.dropFirst() {
      let (ours, theirs) = (first.head.settings.members, other.head.settings.members)
      let keys = Set(ours.keys).union(theirs.keys).subtracting(["dropout_prob"]).sorted()
      if let odd = keys.first(where: { ours[$0] ?? .null != theirs[$0] ?? .null }) {
        throw HeadAverageError.settings(
          key: odd, first: first.name, value: (ours[odd] ?? .null).line, second: other.name,
          other: (theirs[odd] ?? .null).line)
      }
    }
    for item in heads where item.head.queryPositions != nil {
      throw HeadAverageError.enhancedDecoder(head: item.name)
    }
    var sums = first.head.tensors(compute).map { (name: $0.name, shape: $0.shape, values: [Float]()) }
    for (_, head, weight) in heads {
      for (index, tensor) in head.tensors(compute).enumerated() {
        let own = tensor.values.map { weight * $0 }
        sums[index].values = sums[index].values.isEmpty ? own : zip(sums[index].values, own).map { $0 + $1 }
      }
    }
    let ledger = WeightLedger(
      sums.map { name, shape, values in
        let columns = shape.last ?? 1
        return (name, shape, Tensor(values, rows: values.count / max(columns, 1), columns: columns))
      }, of: "the average of \(heads.map(\.name).joined(separator: ", "))")
    var head = try PredictionHead(
      first.head.settings, WeightReader(ledger, compute), hiddenSize: hiddenSize, layerNormEps: layerNormEps,
      tiedTo: words)
    let lengths = heads.compactMap(\.head.maximumLength)
    head.maximumLength = lengths.count == heads.count ? lengths.max() : nil
    head.dropout = first.head.dropout
    return head
  }
}

/// Why heads cannot be averaged.
public enum HeadAverageError: Error, Hashable, Sendable, CustomStringConvertible {
  case settings(key: String, first: String, value: String, second: String, other: String)
  case enhancedDecoder(head: String)

  public var description: String {
    switch self {
    case .settings(let key, let first, let value, let second, let other):
      "The heads '\(first)' and '\(second)' differ in '\(key)': \(value) and \(other). Only heads of equal settings can "
        + "be averaged."
    case .enhancedDecoder(let head):
      "The head '\(head)' is Microsoft's enhanced mask decoder, which reads the base model's last layer; it cannot be "
        + "averaged."
    }
  }
}
