public import AdapterMethods
public import Deberta
internal import Files
public import Heads
internal import Tensors

/// An encoder with adapters, fusions and heads bound to it; used for prediction, evaluation and training.
///
/// A value; copies share everything. A model bound on a tape can only be used in that tape's pass; any other serves any
/// number of passes concurrently.
public struct BoundModel: Sendable {
  /// Lowers setups to plans, and caches them.
  public private(set) var lowering: Lowering
  /// The heads, by name.
  public var heads: [String: PredictionHead]
  /// The name of the head that follows a fusion, by the fusion's name, if it differs.
  public var headsOfFusions: [String: String] = [:]
  /// The adapter merged into the encoder's weights.
  public let merged: String?

  public var encoder: Encoder { lowering.encoder }

  /// - Parameters:
  ///   - encoder: the encoder to adapt.
  ///   - adapters: bound to this encoder.
  ///   - fusions: keyed by their adapters' names, joined with commas.
  ///   - heads: by name.
  ///   - merged: the adapter merged into the encoder's weights.
  public init(
    _ encoder: Encoder, adapters: [String: BoundAdapter] = [:], fusions: [String: BoundFusion] = [:],
    heads: [String: PredictionHead] = [:], merged: String? = nil
  ) {
    lowering = Lowering(encoder, adapters: adapters, fusions: fusions)
    self.heads = heads
    self.merged = merged
  }

  /// Adds or replaces the adapter of this name; nil removes it.
  public mutating func bind(_ adapter: BoundAdapter?, named name: String) {
    var adapters = lowering.adapters
    adapters[name] = adapter
    lowering = Lowering(encoder, adapters: adapters, fusions: lowering.fusions)
  }

  /// Adds or replaces the fusion of this name; nil removes it.
  public mutating func bind(_ fusion: BoundFusion?, named name: String) {
    var fusions = lowering.fusions
    fusions[name] = fusion
    lowering = Lowering(encoder, adapters: lowering.adapters, fusions: fusions)
  }

  /// The name of the head that follows an adapter or a fusion: the head of the same name; for a fusion otherwise the
  /// one that was loaded or trained with it.
  public func head(following name: String) -> String? {
    heads[name] != nil ? name : headsOfFusions[name].flatMap { heads[$0] == nil ? nil : $0 }
  }

  /// The heads of a call: those requested, or those that follow the adapters.
  ///
  /// - Parameters:
  ///   - requested: names of heads; nil: those that follow.
  ///   - repetitions: the composition of each row, for each repetition of the rows.
  /// - Throws: `ModelError.unknownHead`; `.headsOfParallel`, if a head does not follow any of several repetitions.
  public func answering(
    _ requested: [String]?, _ repetitions: [[Composition?]]
  ) throws(ModelError) -> [AnsweringHead] {
    guard let requested else { return AnsweringHead.following(repetitions, named: head(following:)) }
    for name in requested where heads[name] == nil { throw unknown(head: name) }
    guard let answering = AnsweringHead.requested(requested, repetitions, named: head(following:)) else {
      throw .headsOfParallel(heads: requested, repetitions: repetitions.count)
    }
    return answering
  }

  /// The error for a head name that does not exist.
  public func unknown(head name: String) -> ModelError {
    .unknownHead(name: name, nearest: NearestNames.of(name, in: heads.keys.sorted(), limit: 2))
  }
}
