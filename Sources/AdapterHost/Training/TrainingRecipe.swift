public import AdapterMethods
internal import AdapterRegistry
internal import Checkpoints
internal import Heads
public import Tensors
public import Tokenization
public import Training

/// What to train, on which data, and how: a configuration file, or the flags of `adapter-cli train`.
///
/// ```json
/// {"config": "lora[r=8]", "head": "classification", "train": "train.jsonl", "dev": "dev.jsonl",
///  "max_length": 128, "batch_tokens": 2048, "learning_rate": 3e-3, "epochs": 3}
/// ```
public struct TrainingRecipe: Sendable {
  /// The adapter to train, `NAME` or `NAME=DIR`; nil if the setup names it.
  public var adapter: String?
  /// The base model, a folder or a registered name; nil for the default.
  public var model: String?
  /// The configuration of new adapters.
  public var configuration = "seq_bn"
  /// The adapters to apply, by default the trained one.
  ///
  /// Those that are not loaded are created.
  public var setup: Composition?
  /// Adapters of the setup that are not trained.
  public var frozen: [String] = []
  /// Whether to train the base model too.
  public var trainsBase = false
  /// Whether to train the word embeddings too, and save them with the adapters.
  public var trainsEmbeddings = false
  /// Whether to train the adapters of a Fuse block together with its fusion.
  public var unfreezesAdapters = false
  /// The task of a new head; nil if there is a head already.
  public var task: TrainingTask?
  /// The labels of a new head; nil: those in the data.
  public var labels: LabelSource?
  /// The number of linear layers of a new head.
  public var headLayers: Int?
  public var trainingData: String
  /// The data for selecting the best parameters.
  public var developmentData: String?
  /// The data for evaluating the result.
  public var testData: String?
  public var format: TrainingFormat?
  public var columns: DataColumns = [:]
  /// The maximum number of input tokens: 0 for the model's limit; nil: the length an existing head was trained with, or
  /// else `InputLength.standard`.
  public var maximumLength: Int?
  /// The tokenizer variant.
  public var tokenizer = TokenizerVariant.slow
  public var batchSize = BatchSampler.Size.tokens(2048)
  public var labelSmoothing = 0.0
  /// Whether to weight classes equally, or each label's positives as much as its negatives.
  public var balancesClasses = false
  public var adapterDrop = AdapterDrop.none
  public var recomputes = false
  public var maskingRate = 0.15
  /// Memory in bytes for caching the states of layers below the lowest adapter; 0 recomputes them in every epoch.
  public var prefixMemory = 1 << 30
  /// What the linear layers of the base model are computed in; nil: float32, or int8 for a model whose weights are int8.
  public var precision: Precision?
  public var settings: TrainingSettings
  /// Whether to leave the result in its folder without registering it.
  public var isUnregistered = false
  /// Whether to replace a registered adapter with the same name.
  public var overwrites = false
  /// The inputs of an earlier run of this recipe; nil for a recipe written by hand.
  public var record: RunRecord?
  /// The given keys whose values are not null.
  let givenKeys: Set<String>

  /// The source of labels.
  public enum LabelSource: Sendable, Hashable {
    case names([String])
    case file(String)
  }

  /// - Parameters:
  ///   - object: members named in `keys` and `TrainingSettings.keys`.
  ///   - file: the source of the recipe, for messages.
  /// - Throws: `ConfigurationError`, `TrainingError.unknownKey`, `CompositionError`.
  public init(_ object: [String: JSONValue], file: String) throws {
    givenKeys = Set(object.filter { $0.value != .null }.keys)
    settings = try TrainingSettings(.object(object), besides: Self.keys.map(\.name), file: file)
    let fields = try ConfigurationFields(.object(object), file: file)
    guard let data = try fields.string("train") else { throw ConfigurationError.missing(key: "train", file: file) }
    trainingData = data
    try read(fields)
  }

  /// The name of the result if no adapter is named: that of the setup's last fusion, or else its last adapter; nil
  /// without a setup.
  public var nameOfSetup: String? {
    guard let setup else { return nil }
    let fused = setup.fusedAdapters.first { AdapterFusion.name(of: $0) == setup.head }
    return fused.map { FusionDescription.name(of: $0) } ?? setup.last
  }

  /// The adapters to apply; nil if only the base model is trained.
  ///
  /// - Parameter name: the adapter to train if the recipe has no setup.
  func setup(_ name: String) -> Composition? { setup ?? (trainsBase ? nil : .adapter(name)) }

  /// The adapters that a run trains: those of the setup, except that a Fuse block only trains its fusion.
  ///
  /// - Parameter name: the adapter to train if the recipe has no setup.
  public func trainedAdapters(_ name: String) -> [String] {
    guard let setup = setup(name) else { return [] }
    let fused = trainsBase || unfreezesAdapters ? [] : Set(setup.fusedAdapters.flatMap { $0 })
    return setup.adapters.filter { !frozen.contains($0) && !fused.contains($0) }
  }

  /// The fusions that a run trains: each with its adapters and registered name.
  ///
  /// - Parameter name: the adapter to train if the recipe has no setup; otherwise the head's name.
  public func trainedFusions(_ name: String) -> [(name: String, adapters: [String])] {
    guard let setup = setup(name) else { return [] }
    return setup.fusions.map { fusion in
      (setup.head == fusion.name ? name : FusionDescription.name(of: fusion.adapters), fusion.adapters)
    }
  }

  var objectiveSettings: ObjectiveSettings {
    ObjectiveSettings(
      batchSize: batchSize, seed: settings.seed, loss: CrossEntropyOptions(labelSmoothing: labelSmoothing),
      adapterDrop: adapterDrop, recomputes: recomputes, maskingRate: maskingRate)
  }
}
