public import AdapterMethods
internal import AdapterRegistry
internal import Checkpoints
internal import Heads
internal import Tensors
public import Tokenization
public import Training

/// What is trained, on which data, and how: a configuration file, or the flags of `adapter-cli train`.
///
/// ```json
/// {"config": "lora[r=8]", "head": "classification", "train": "train.jsonl", "dev": "dev.jsonl",
///  "max_length": 128, "batch_tokens": 2048, "learning_rate": 3e-3, "epochs": 3}
/// ```
public struct TrainingRecipe: Sendable {
  /// The adapter that is trained, `NAME` or `NAME=DIR`; nil if the setup names it.
  public var adapter: String?
  /// The base model, a folder or a registered name; nil for the default one.
  public var model: String?
  /// What a fresh adapter is made of.
  public var configuration = "seq_bn"
  /// The adapters that act, by default the one that is trained. Those that are not loaded are made afresh.
  public var setup: Composition?
  /// Adapters of the setup that stay as they are.
  public var frozen: [String] = []
  /// Whether the base model is trained too.
  public var trainsBase = false
  /// Whether the word embeddings are trained too, and saved beside the adapters.
  public var trainsEmbeddings = false
  /// Whether the adapters that a Fuse joins are trained with its fusion.
  public var unfreezesAdapters = false
  /// What a fresh head is for; nil if there is a head already.
  public var task: TrainingTask?
  /// The labels of a fresh head; nil: those that the data have.
  public var labels: LabelSource?
  /// Linear layers of a fresh head.
  public var headLayers: Int?
  public var trainingData: String
  /// The data by which the best parameters are chosen.
  public var developmentData: String?
  /// The data by which the result is evaluated.
  public var testData: String?
  public var format: TrainingFormat?
  public var columns: DataColumns = [:]
  /// The most tokens of an input: 0 for the model's limit; nil: what a head that is there was trained with, or else
  /// `InputLength.standard`.
  public var maximumLength: Int?
  /// Whose ids texts become.
  public var tokenizer = TokenizerVariant.slow
  public var batchSize = BatchSampler.Size.tokens(2048)
  public var labelSmoothing = 0.0
  /// Whether every class counts alike, or the positives of every label as much as its negatives.
  public var balancesClasses = false
  public var adapterDrop = AdapterDrop.none
  public var recomputes = false
  public var maskingRate = 0.15
  /// Bytes for the states of layers below the lowest adapter; 0 computes them in every epoch.
  public var prefixMemory = 1 << 30
  public var settings: TrainingSettings
  /// Whether the result stays in its folder and is not registered.
  public var isUnregistered = false
  /// Whether a registered adapter of the name is replaced.
  public var overwrites = false
  /// What an earlier run of this recipe was made from; nil for a recipe that a person wrote.
  public var record: RunRecord?
  /// The keys that were given, with values that are not null.
  let givenKeys: Set<String>

  /// Where labels come from.
  public enum LabelSource: Sendable, Hashable {
    case names([String])
    case file(String)
  }

  /// - Parameters:
  ///   - object: members by the names of `keys` and of `TrainingSettings.keys`.
  ///   - file: where it comes from, for messages.
  /// - Throws: `ConfigurationError`, `TrainingError.unknownKey`, `CompositionError`.
  public init(_ object: [String: JSONValue], file: String) throws {
    givenKeys = Set(object.filter { $0.value != .null }.keys)
    settings = try TrainingSettings(.object(object), besides: Self.keys.map(\.name), file: file)
    let fields = try ConfigurationFields(.object(object), file: file)
    guard let data = try fields.string("train") else { throw ConfigurationError.missing(key: "train", file: file) }
    trainingData = data
    try read(fields)
  }

  /// What the result is called where no adapter is named: like the fusion that the setup ends with, else like its last
  /// adapter; nil without a setup.
  public var nameOfSetup: String? {
    guard let setup else { return nil }
    let fused = setup.fusedAdapters.first { AdapterFusion.name(of: $0) == setup.head }
    return fused.map { FusionDescription.name(of: $0) } ?? setup.last
  }

  /// The adapters that act; nil if the base model is trained alone.
  ///
  /// - Parameter name: the adapter that is trained where the recipe has no setup.
  func setup(_ name: String) -> Composition? { setup ?? (trainsBase ? nil : .adapter(name)) }

  /// The adapters that a run trains: those of the setup, but of a Fuse block its fusion alone.
  ///
  /// - Parameter name: the adapter that is trained where the recipe has no setup.
  public func trainedAdapters(_ name: String) -> [String] {
    guard let setup = setup(name) else { return [] }
    let fused = trainsBase || unfreezesAdapters ? [] : Set(setup.fusedAdapters.flatMap { $0 })
    return setup.adapters.filter { !frozen.contains($0) && !fused.contains($0) }
  }

  /// The fusions that a run trains: the adapters of each, and the name that it is registered under.
  ///
  /// - Parameter name: the adapter that is trained where the recipe has no setup; the head's name elsewhere.
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
