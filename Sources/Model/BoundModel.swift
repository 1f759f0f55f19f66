public import AdapterMethods
public import Deberta
internal import Files
public import Heads
internal import Tensors

/// An encoder with adapters, fusions and heads bound to it: what runs, in prediction, evaluation and training alike.
///
/// A value; copies share everything. One that was bound on a tape serves the pass of that tape alone, any other serves any
/// number of passes at once.
public struct BoundModel: Sendable {
  /// Turns setups into plans, and keeps those that it has seen.
  public private(set) var lowering: Lowering
  /// The heads, by name.
  public var heads: [String: PredictionHead]
  /// The head that follows a fusion, by the fusion's name, where it is called otherwise.
  public var headsOfFusions: [String: String] = [:]
  /// The adapter whose effect is in the encoder's weights.
  public let merged: String?

  public var encoder: Encoder { lowering.encoder }

  /// - Parameters:
  ///   - encoder: what is adapted.
  ///   - adapters: bound to this encoder.
  ///   - fusions: by their adapters' names, with commas between them.
  ///   - heads: by name.
  ///   - merged: the adapter whose effect is in the encoder's weights.
  public init(
    _ encoder: Encoder, adapters: [String: BoundAdapter] = [:], fusions: [String: BoundFusion] = [:],
    heads: [String: PredictionHead] = [:], merged: String? = nil
  ) {
    lowering = Lowering(encoder, adapters: adapters, fusions: fusions)
    self.heads = heads
    self.merged = merged
  }

  /// Puts an adapter in the place of the one of its name; nil removes it.
  public mutating func bind(_ adapter: BoundAdapter?, named name: String) {
    var adapters = lowering.adapters
    adapters[name] = adapter
    lowering = Lowering(encoder, adapters: adapters, fusions: lowering.fusions)
  }

  /// Puts a fusion in the place of the one of its name; nil removes it.
  public mutating func bind(_ fusion: BoundFusion?, named name: String) {
    var fusions = lowering.fusions
    fusions[name] = fusion
    lowering = Lowering(encoder, adapters: lowering.adapters, fusions: fusions)
  }

  /// The name of the head that follows an adapter or a fusion: the one of its name; for a fusion else the one that was
  /// loaded or trained with it.
  public func head(following name: String) -> String? {
    heads[name] != nil ? name : headsOfFusions[name].flatMap { heads[$0] == nil ? nil : $0 }
  }

  /// The heads of a call: those that are requested, or those that follow the adapters.
  ///
  /// - Parameters:
  ///   - requested: names of heads; nil: those that follow.
  ///   - repetitions: what acts on each row, for each repetition of the rows.
  /// - Throws: `ModelError.unknownHead`; `.headsOfParallel`, if a head follows none of several repetitions.
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

  /// No head has this name.
  public func unknown(head name: String) -> ModelError {
    .unknownHead(name: name, nearest: NearestNames.of(name, in: heads.keys.sorted(), limit: 2))
  }
}
