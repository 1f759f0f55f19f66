/// Intermediate results that a caller requested, under the names of the output tensors.
public final class Trace {
  /// The kinds that can be requested.
  public struct Kinds: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }
    /// `hidden_states/LAYER`, the embeddings' output first.
    public static let hiddenStates = Kinds(rawValue: 1)
    /// `attentions/LAYER`
    public static let attentions = Kinds(rawValue: 2)
    /// `gating/ADAPTER/LAYER/PLACE`
    public static let gatingScores = Kinds(rawValue: 4)
    /// `fusion_attentions/FUSION/LAYER/PLACE`
    public static let fusionAttentions = Kinds(rawValue: 8)
  }

  public let kinds: Kinds
  /// Packed hidden states, a tensor for each layer.
  public private(set) var hiddenStates: [Tensor] = []
  /// For each layer, for each sequence, [heads · N, memory + N].
  public private(set) var attentions: [[Tensor]] = []
  /// For each gate, for each call, a value for each sequence that it saw.
  public private(set) var gates: [String: [[Float]]] = [:]

  /// For each fusion, layer and place, the weights of each sequence that it saw: [N, adapters].
  public private(set) var fusionAttentions: [String: [Int: Tensor]] = [:]

  public init(_ kinds: Kinds) { self.kinds = kinds }

  public func record(hiddenStates: Tensor) { self.hiddenStates.append(hiddenStates) }
  public func record(attentions: [Tensor]) { self.attentions.append(attentions) }
  public func record(fusionAttention weights: Tensor, sequence: Int, fusion: String, layer: Int, place: String) {
    fusionAttentions["\(fusion)/\(layer)/\(place)", default: [:]][sequence] = weights
  }
  public func record(gate values: [Float], adapter: String, layer: Int, place: String) {
    gates["\(adapter)/\(layer)/\(place)", default: []].append(values)
  }
}
