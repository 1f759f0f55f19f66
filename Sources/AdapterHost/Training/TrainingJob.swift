public import AdapterMethods
internal import AdapterRegistry
public import Checkpoints
internal import Deberta
internal import Files
internal import Foundation
internal import Heads
internal import Tensors
public import Tokenization
public import Training

/// A recipe with its model and data, ready to run.
///
/// ```swift
/// var job = try TrainingJob(recipe, adapter: "mine", model: model, tokenizer, folder: modelFolder)
/// let summary = try job.run(output: "runs/mine")
/// try job.trainedModel().saveAdapter("mine", to: "Adapters/mine")
/// ```
public struct TrainingJob {
  public let recipe: TrainingRecipe
  /// All effective settings, including those determined by the data, and the run's inputs: it can be run again.
  public let resolvedRecipe: [String: JSONValue]
  /// The adapters to apply; nil if only the base model is trained.
  public let setup: Composition?
  /// The heads to train: one, or under Parallel one per branch.
  public let heads: [String]
  public let task: TrainingTask
  /// The model with new adapters and heads, before training.
  public let model: DebertaV2AdapterModel
  /// The trainable parameters.
  public let trainable: TrainableModel
  public let trainingData: TrainingDataset
  public let developmentData, testData: TrainingDataset?
  /// Files in the recipe's record that have changed since.
  public let changedFiles: [String]
  private let objective: ModelObjective
  private let developmentEvaluator, testEvaluator: ModelEvaluator?

  /// Reads the data and creates missing adapters and heads.
  ///
  /// - Parameters:
  ///   - recipe: the recipe to run.
  ///   - name: the adapter to train if the recipe has no setup; its head has the same name.
  ///   - model: the base model, with existing adapters and heads.
  ///   - tokenizer: the base model's.
  ///   - folder: the base model's folder, whose files the run depends on.
  /// - Throws: `DatasetError`, `LabelError`, `ConfigurationError`, `TrainingJobError`.
  public init(
    _ recipe: TrainingRecipe, adapter name: String, model: DebertaV2AdapterModel, _ tokenizer: any Tokenizer,
    folder: String
  ) throws {
    var model = model
    let setup = recipe.setup(name)
    for frozen in recipe.frozen where setup?.adapters.contains(frozen) != true {
      throw TrainingJobError.frozenElsewhere(name: frozen, setup: setup?.description)
    }
    let fused = Set((setup?.fusedAdapters ?? []).flatMap { $0 })
    let makesAdapter = try Self.addParts(of: setup, recipe, to: &model)
    let heads = try Self.heads(setup, name)
    let present = heads.compactMap { head in model.head(head).map { (name: head, settings: $0.settings) } }
    guard let task = try present.first.map({ try TrainingTask($0.settings) }) ?? recipe.task else {
      throw TrainingJobError.noHead(name: heads[0])
    }
    if let asked = recipe.task, asked != task { throw TrainingJobError.otherHead(name: present[0].name, task, asked) }
    for other in present.dropFirst() where !other.settings.hasAnswers(of: present[0].settings) {
      throw TrainingJobError.unlikeHeads(present[0].name, other.name)
    }
    let makesHead = present.count < heads.count

    let limit = InputLength.limit(
      requested: recipe.maximumLength, recorded: present.first.flatMap { model.head($0.name)?.maximumLength },
      tokenizer: tokenizer.maximumLength,
      advised: model.configuration.advisedLength)
    let data = try JobData(recipe, task, head: present.first?.settings, maximumLength: limit, tokenizer)
    if let head = present.first, head.settings.meaning.target == .sigmoid, task == .regression {
      try Self.requireProbabilities(data.training, head: head.name)
    }
    for (index, head) in heads.enumerated() where model.head(head) == nil {
      try model.addHead(
        head, Self.head(task, data.labels, data.training, recipe.headLayers),
        seed: recipe.settings.seed &+ UInt64(index))
    }
    let trainable = try model.trainable(
      setup, heads: heads,
      frozen: recipe.frozen + (recipe.trainsBase || recipe.unfreezesAdapters ? [] : fused.sorted()),
      part: Self.part(recipe, setup), trainsEmbeddings: recipe.trainsEmbeddings, folder: folder)
    let unhookedLayers = try trainable.unhookedLayers()
    let acting = ActingSettings(
      task: task, trainsBase: recipe.trainsBase, hasFusion: !fused.isEmpty, makesAdapter: makesAdapter,
      makesHead: makesHead,
      adaptsLayers: try recipe.adapterDrop == .none || trainable.adaptsLayers(),
      hasDevelopmentData: data.development != nil, optimizer: recipe.settings.optimizer)
    try acting.check(recipe)
    try Self.check(recipe, task, data.labels, layers: model.configuration.layerCount)

    self.recipe = recipe
    self.setup = setup
    self.heads = heads
    self.task = task
    self.model = model
    self.trainable = trainable
    (trainingData, developmentData, testData) = (data.training, data.development, data.test)
    let record = try RunRecord(recipe, modelFolder: folder)
    changedFiles = recipe.record.map { earlier in record.changes(since: earlier) } ?? []
    var resolved = recipe
    resolved.adapter = recipe.adapter ?? name
    resolved.task = task
    resolved.maximumLength = limit ?? 0
    resolved.record = record
    if let labels = data.labels, makesHead { resolved.labels = .names(labels.names) }
    resolvedRecipe = acting.acting(resolved.object)

    let masking =
      try task == .maskedLM ? TokenMasking(tokenizer, rate: recipe.maskingRate, seed: recipe.settings.seed) : nil
    func cache(_ data: TrainingDataset) throws -> PrefixCache? {
      guard unhookedLayers > 0, recipe.prefixMemory > 0, task != .maskedLM else { return nil }
      return try PrefixCache(
        data, layers: unhookedLayers, hiddenSize: trainable.configuration.hiddenSize, memory: recipe.prefixMemory,
        folder: FileManager.default.temporaryDirectory.path)
    }
    func evaluator(_ examples: TrainingDataset) throws -> ModelEvaluator {
      ModelEvaluator(examples, labels: data.labels?.names ?? [], masking: masking, cache: try cache(examples))
    }
    developmentEvaluator = try data.development.map(evaluator)
    testEvaluator = try data.test.map(evaluator)
    var settings = recipe.objectiveSettings
    if recipe.balancesClasses, let labels = data.labels {
      let counts = data.training.labelCounts(labels.count)
      settings.loss.classWeights =
        task == .multilabelClassification
        ? ClassWeights.balancedPositives(counts: counts, examples: data.training.examples.count)
        : ClassWeights.balanced(counts: counts)
    }
    objective = ModelObjective(
      trainable, heads: heads, data.training, masking: masking, settings: settings, cache: try cache(data.training),
      evaluator: developmentEvaluator,
      fingerprint: Self.fingerprint(resolvedRecipe, record, fixed: Self.fixedAdapters(recipe, setup, trainable)))
  }

  /// Runs the training.
  ///
  /// - Parameters:
  ///   - start: whether to resume a run saved in the folder.
  ///   - output: the folder for the state, the log, the curves and the summary; nil writes nothing.
  ///   - onEvent: receives all events.
  /// - Throws: `TrainingError`.
  public func run(
    _ start: Trainer.Start = .new, output: String?,
    onEvent: (TrainingEvent) throws -> TrainingDecision = { _ in .continue }
  ) throws -> TrainingSummary {
    try Trainer(
      objective, settings: recipe.settings, output: output, recipe: .object(resolvedRecipe), compute: trainable.compute
    ).run(start, onEvent: onEvent)
  }

  /// Evaluates the current parameters on the test data, head by head; nil without test data.
  public func test() throws -> [EvaluationResult]? { try results(testEvaluator) }

  /// Evaluates the current parameters on the development data, head by head; nil without such data.
  public func evaluate() throws -> [EvaluationResult]? { try results(developmentEvaluator) }

  private func results(_ evaluator: ModelEvaluator?) throws -> [EvaluationResult]? {
    guard let evaluator else { return nil }
    return try evaluator.evaluate(trainable.bound(on: Pass(trainable.compute)), setup, heads: heads)
  }

  /// The model with the current parameters.
  public func trainedModel() throws -> DebertaV2AdapterModel {
    var result = model
    for name in trainedAdapters {
      if let adapter = trainable.adapter(name) { try result.replaceAdapter(name, adapter.copied) }
    }
    for name in trainedFusions {
      if let fusion = trainable.fusion(name) { result.replaceFusion(name, fusion.copied) }
      if let head = head(ofFusion: name) { result.setHead(head, ofFusion: name) }
    }
    for name in heads {
      guard var head = try trainable.head(name) else { continue }
      head.maximumLength = trainingData.maximumLength ?? 0
      result.replaceHead(name, head.answeringTargets)
    }
    if let words = trainable.trainedWords { try result.replaceActiveEmbeddings(words) }
    try result.setActiveAdapters(setup)
    return result
  }

  /// The adapters to train.
  public var trainedAdapters: [String] { recipe.trainedAdapters(heads[0]) }

  /// The names of the fusions to train: by default their adapters' names, joined with commas.
  public var trainedFusions: [String] { (setup?.fusions ?? []).map(\.name) }

  /// The head trained after a fusion: that of the branch in which the fusion is last.
  func head(ofFusion name: String) -> String? {
    let branches = (try? setup?.branches()) ?? []
    return zip(branches, heads).first { $0.0.head == name }?.1
  }

  // MARK: Parts

  /// A head with a single probability output is trained by cross entropy, which requires targets from 0 to 1.
  private static func requireProbabilities(
    _ data: TrainingDataset, head: String
  ) throws(TrainingJobError) {
    for (example, line) in zip(data.examples, data.lines) {
      if case .value(let value) = example.target, !(0...1).contains(value) {
        throw .notAProbability(head: head, value: value, line: line)
      }
    }
  }

  private static func part(_ recipe: TrainingRecipe, _ setup: Composition?) -> TrainedPart {
    if recipe.trainsBase { return .everything }
    return setup?.fusedAdapters.isEmpty == false ? .fusions(withAdapters: true) : .adapters
  }

  /// Adds missing adapters and fusions of a setup, each with different random values.
  ///
  /// - Returns: whether an adapter was added.
  private static func addParts(
    of setup: Composition?, _ recipe: TrainingRecipe, to model: inout DebertaV2AdapterModel
  ) throws -> Bool {
    let seed = recipe.settings.seed
    let fused = Set((setup?.fusedAdapters ?? []).flatMap { $0 })
    var makesAdapter = false
    for (index, adapter) in (setup?.adapters ?? []).enumerated() where model.adapter(adapter) == nil {
      // A fusion attends to the outputs of trained adapters.
      if fused.contains(adapter) { throw TrainingJobError.freshInFusion(name: adapter) }
      try model.addAdapter(adapter, configuration: recipe.configuration, seed: seed &+ UInt64(index))
      makesAdapter = true
    }
    for (index, fusion) in (setup?.fusions ?? []).enumerated() where model.fusion(fusion.name) == nil {
      try model.addAdapterFusion(fusion.adapters, named: fusion.name, seed: seed &+ UInt64(index))
    }
    return makesAdapter
  }

  /// The heads trained by a setup.
  private static func heads(_ setup: Composition?, _ name: String) throws -> [String] {
    let branches = try setup?.branches() ?? []
    let heads = branches.count > 1 ? branches.map(\.last) : [name]
    for (index, head) in heads.enumerated() where heads[..<index].contains(head) {
      throw TrainingJobError.sharedHead(name: head)
    }
    return heads
  }

  private static func check(
    _ recipe: TrainingRecipe, _ task: TrainingTask, _ labels: LabelVocabulary?, layers: Int
  ) throws {
    let metrics = task.metricNames(labels: labels?.names ?? [])
    if let bestBy = recipe.settings.bestBy, !metrics.contains(bestBy) {
      throw ConfigurationError.impossible(
        key: "best_by", value: "'\(bestBy)'", expected: "one of \(metrics.joined(separator: ", "))",
        file: "The settings")
    }
    if case .fixed(let count) = recipe.adapterDrop, count >= layers {
      throw ConfigurationError.impossible(
        key: "adapter_drop", value: "\(count)", expected: "fewer than the \(layers) layers", file: "The settings")
    }
  }

  private static func head(
    _ task: TrainingTask, _ labels: LabelVocabulary?, _ data: TrainingDataset, _ layers: Int?
  ) throws -> NewHead {
    let names = labels?.names ?? []
    return switch task {
    case .classification: try NewHead(.classification, labels: names, layers: layers)
    case .multilabelClassification: try NewHead(.multilabelClassification, labels: names, layers: layers)
    case .regression: try NewHead(.classification, labels: NewHead.numbered(1), layers: layers)
    case .tagging: try NewHead(.tagging, labels: names, layers: layers)
    case .questionAnswering: try NewHead(.questionAnswering, layers: layers)
    case .multipleChoice:
      try NewHead(
        .multipleChoice, labels: NewHead.numbered(data.examples.first?.sequences.count ?? 2), layers: layers)
    case .maskedLM: try NewHead(.maskedLM, layers: layers)
    }
  }

  /// The frozen adapters of a setup, by name.
  private static func fixedAdapters(
    _ recipe: TrainingRecipe, _ setup: Composition?, _ trainable: TrainableModel
  ) -> [String: Adapter] {
    let trained = recipe.trainedAdapters("")
    let names = recipe.setup == nil ? [] : (setup?.adapters ?? []).filter { !trained.contains($0) }
    return Dictionary(names.map { ($0, trainable.adapter($0)) }) { first, _ in first }.compactMapValues { $0 }
  }

  /// The keys that may differ when a run is resumed: locations, and the handling of the result. Data and base model are
  /// identified by digests.
  private static let places: Set = [
    "adapter", "model", "train", "dev", "test", "record", "unregistered", "overwrite",
  ]

  private static func fingerprint(
    _ recipe: [String: JSONValue], _ record: RunRecord, fixed: [String: Adapter]
  ) -> [String: String] {
    // The length of a run and its save interval may change on resumption as far as the trainer allows.
    let own = Set(TrainingRecipe.keys.map(\.name)).subtracting(places)
    var facts = recipe.filter { own.contains($0.key) }.mapValues(\.line)
    for part in ["train", "dev", "model"] {
      facts["the digest of \(part)"] = record.digests[part]?.short
    }
    for (name, adapter) in fixed {
      let values = adapter.parameters.specs.lazy.flatMap { adapter.parameters[$0].array.lazy.map(\.bitPattern) }
      let bytes = values.flatMap { bits in (0..<4).map { UInt8(truncatingIfNeeded: bits >> ($0 * 8)) } }
      facts["the digest of the adapter \(name)"] = ContentDigest(of: bytes).short
    }
    return facts
  }
}

extension HeadSettings {
  /// Whether two heads have the same task and labels, whatever their layers.
  fileprivate func hasAnswers(of other: HeadSettings) -> Bool {
    kind == other.kind && outputs == other.outputs && labels == other.labels
      && meaning.target == other.meaning.target
  }
}
