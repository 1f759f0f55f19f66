/// The linear layers of a layer.
public enum ProjectionPlace: String, Sendable, Hashable, CaseIterable {
  case query, key, value
  /// The fused projection of v1: for each head in turn its query, its key and its value, without their biases.
  case queryKeyValue
  case attentionOutput, up, down
}
