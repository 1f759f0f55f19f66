public import AdapterMethods
internal import Heads
public import Training

/// Which parts of a model are trained, corresponding to the training modes of `adapters`.
///
/// Heads are always trained.
public struct TrainingChoice: Sendable, Hashable {
  /// Nothing is frozen: the state after loading.
  public static let everything = TrainingChoice(part: .everything, setup: nil, isFrozen: false)

  let part: TrainedPart
  /// The adapters, or the Fuse blocks, to train.
  let setup: Composition?
  var isFrozen: Bool
  var trainsEmbeddings = false

  /// Whether the encoder is trained.
  public var trainsBase: Bool { part == .everything && !isFrozen }

  /// Whether an adapter is trained.
  public func trains(adapter name: String) -> Bool {
    if isFrozen { return false }
    return switch part {
    case .everything: true
    case .adapters, .fusions(withAdapters: true): setup?.adapters.contains(name) == true
    case .fusions(withAdapters: false): false
    }
  }

  /// Whether a fusion is trained.
  public func trains(fusion name: String) -> Bool {
    if isFrozen || part == .adapters { return false }
    return part == .everything || setup?.fusions.contains { $0.name == name } == true
  }
}

// The choice is a value of the model; `trainable` creates its parameters, and `TrainingJob` trains by a recipe.

extension DebertaV2AdapterModel {
  /// Selects adapters for training and freezes the base, fusions and all other adapters.
  ///
  /// The setup becomes active.
  ///
  /// - Parameters:
  ///   - setup: all of its adapters are trained.
  ///   - embeddings: whether to train the active word embeddings too.
  /// - Throws: `CompositionError.unknownAdapter`.
  public mutating func trainAdapter(_ setup: Composition, trainEmbeddings embeddings: Bool = false) throws {
    try setActiveAdapters(setup)
    training = TrainingChoice(part: .adapters, setup: setup, isFrozen: false, trainsEmbeddings: embeddings)
  }

  /// Selects the fusions of a setup's Fuse blocks for training.
  ///
  /// The setup becomes active.
  ///
  /// Training regularizes their values toward the identity by `AdapterFusion.regularization`, unless a fusion's
  /// settings turn it off.
  /// - Parameters:
  ///   - setup: contains a Fuse block, at any depth.
  ///   - unfreezeAdapters: whether to train its adapters too.
  /// - Throws: `CompositionError.unknownFusion`, `.unknownAdapter`; `TrainingChoiceError.noFusion`.
  public mutating func trainAdapterFusion(_ setup: Composition, unfreezeAdapters: Bool = false) throws {
    guard !setup.fusions.isEmpty else { throw TrainingChoiceError.noFusion(setup: setup.description) }
    for fusion in setup.fusions where self.fusion(fusion.name) == nil {
      throw CompositionError.unknownFusion(name: fusion.name, nearest: fusionNames)
    }
    try setActiveAdapters(setup)
    training = TrainingChoice(part: .fusions(withAdapters: unfreezeAdapters), setup: setup, isFrozen: false)
  }

  /// Freezes or unfreezes the encoder with all adapters and fusions.
  ///
  /// Heads are not affected.
  public mutating func freezeModel(_ freeze: Bool = true) {
    training = freeze ? TrainingChoice(part: .adapters, setup: nil, isFrozen: true) : .everything
  }

  /// The parameters selected for training, as copies, under the active setup.
  ///
  /// - Parameter names: the heads to train; nil: those that answer.
  /// - Throws: `ModelError`, `TrainableModelError`.
  public func trainable(heads names: [String]? = nil) throws -> TrainableModel {
    let names = try names ?? activeHeads ?? activeAdapters?.branches().compactMap { head(following: $0.head) } ?? []
    let frozen = training.isFrozen ? activeAdapters?.adapters ?? [] : []
    return try trainable(
      activeAdapters, heads: names, frozen: frozen, part: training.part, trainsEmbeddings: training.trainsEmbeddings)
  }
}

/// Why a training setup is invalid.
public enum TrainingChoiceError: Error, Hashable, Sendable, CustomStringConvertible {
  case noFusion(setup: String)

  public var description: String {
    switch self {
    case .noFusion(let setup): "The setup \(setup) has no Fuse block, so there is no fusion to train."
    }
  }
}
