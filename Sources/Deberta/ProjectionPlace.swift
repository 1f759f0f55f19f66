/// The linear layers of a layer.
public enum ProjectionPlace: String, Sendable, Hashable, CaseIterable {
  case query, key, value
  /// The fused projection of v1: query, key and value of each head in turn, without their biases.
  case queryKeyValue
  case attentionOutput, up, down
}
