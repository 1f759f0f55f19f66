public import AdapterMethods
internal import Checkpoints
internal import Deberta
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
  /// The adapters that act; nil where the base model is trained alone.
  public let setup: Composition?
  /// The heads that are trained, one; under Parallel one for each branch.
  public let heads: [String]
  public let task: TrainingTask
  /// The model with fresh adapters and heads in it, before training.
  public let model: DebertaV2AdapterModel
  /// What is trained.
  public let trainable: TrainableModel
  public let trainingData: TrainingDataset
  public let developmentData, testData: TrainingDataset?
  private let objective: ModelObjective
  private let developmentEvaluator, testEvaluator: ModelEvaluator?

  /// Reads the data and makes what is not there: adapters, and a head.
  ///
  /// - Parameters:
  ///   - recipe: what to do.
  ///   - name: the adapter that is trained where the recipe has no setup; its head has the same name.
  ///   - model: the base model, with the adapters and heads that are there already.
  ///   - tokenizer: the base model's.
  ///   - folder: the base model's, whose files a run depends on.
  /// - Throws: `DatasetError`, `LabelError`, `ConfigurationError`, `TrainingJobError`.
  public init(
    _ recipe: TrainingRecipe, adapter name: String, model: DebertaV2AdapterModel, _ tokenizer: DebertaV2Tokenizer,
    folder: String
  ) throws {
    var model = model
    let setup = recipe.setup(name)
    for frozen in recipe.frozen where setup?.adapters.contains(frozen) != true {
      throw TrainingJobError.frozenElsewhere(name: frozen, setup: setup?.description)
    }
    let fused = Set((setup?.fusedAdapters ?? []).flatMap { $0 })
    for adapter in setup?.adapters ?? [] where model.adapter(adapter) == nil {
      // A fusion attends to what trained adapters make.
      if fused.contains(adapter) { throw TrainingJobError.freshInFusion(name: adapter) }
      try model.addAdapter(adapter, configuration: recipe.configuration, seed: recipe.settings.seed)
    }
    for fused in setup?.fusedAdapters ?? [] where model.fusion(AdapterFusion.name(of: fused)) == nil {
      try model.addAdapterFusion(fused, seed: recipe.settings.seed)
    }
    let part: TrainedPart =
      recipe.trainsBase
      ? .everything : fused.isEmpty ? .adapters : .fusions(withAdapters: true)
    let branches = try setup?.branches() ?? []
    let heads = branches.count > 1 ? branches.map(\.last) : [name]
    let present = heads.compactMap { head in model.head(head).map { (name: head, settings: $0.settings) } }
    guard let task = try present.first.map({ try TrainingTask($0.settings) }) ?? recipe.task else {
      throw TrainingJobError.noHead(name: heads[0])
    }
    if let asked = recipe.task, asked != task { throw TrainingJobError.otherHead(name: present[0].name, task, asked) }
    for (index, head) in heads.enumerated() where heads[..<index].contains(head) {
      throw TrainingJobError.sharedHead(name: head)
    }
    for other in present.dropFirst() where !other.settings.hasAnswers(of: present[0].settings) {
      throw TrainingJobError.unlikeHeads(present[0].name, other.name)
    }

    func source(_ path: String) throws -> SourceData {
      try SourceData(path: path, for: task, format: recipe.format, columns: recipe.columns)
    }
    let source = (
      train: try source(recipe.trainingData), dev: try recipe.developmentData.map(source),
      test: try recipe.testData.map(source)
    )
    let labels = try Self.labels(recipe, task, present.first?.settings, source.train)
    if task == .classification, let labels, labels.count < 2 { throw TrainingJobError.oneLabel(labels.names[0]) }
    let encoder = ExampleEncoder(tokenizer, for: task, labels: labels, maximumLength: recipe.maximumLength)
    trainingData = try encoder.dataset(source.train)
    if let head = present.first, head.settings.function == .sigmoid, task == .regression {
      try Self.requireProbabilities(trainingData, head: head.name)
    }
    developmentData = try source.dev.map { try encoder.dataset($0, keepsReferences: true) }
    testData = try source.test.map { try encoder.dataset($0, keepsReferences: true) }
    for (index, head) in heads.enumerated() where model.head(head) == nil {
      try model.addHead(
        head, Self.head(task, labels, trainingData, recipe.headLayers), seed: recipe.settings.seed &+ UInt64(index))
    }

    self.recipe = recipe
    self.setup = setup
    self.heads = heads
    self.task = task
    self.model = model
    let trainable = try model.trainable(
      setup, heads: heads, frozen: recipe.frozen + (recipe.trainsBase ? [] : fused.sorted()), part: part,
      folder: folder)
    self.trainable = trainable
    let masking =
      try task == .maskedLM ? TokenMasking(tokenizer, rate: recipe.maskingRate, seed: recipe.settings.seed) : nil
    let names = labels?.names ?? []
    let evaluators = try [developmentData, testData].map { data in
      try data.map { data in
        ModelEvaluator(
          data, labels: names, masking: masking, cache: try Self.cache(data, recipe, trainable, task))
      }
    }
    var settings = recipe.objectiveSettings
    if recipe.balancesClasses, let labels {
      settings.loss.classWeights = ClassWeights.balanced(counts: trainingData.labelCounts(labels.count)).map {
        Double($0)
      }
    }
    objective = ModelObjective(
      trainable, heads: heads, trainingData, masking: masking, settings: settings,
      cache: try Self.cache(trainingData, recipe, trainable, task), evaluator: evaluators[0],
      fingerprint: try Self.fingerprint(recipe, setup, folder: folder))
    (developmentEvaluator, testEvaluator) = (evaluators[0], evaluators[1])
  }

  /// Trains.
  ///
  /// - Parameters:
  ///   - start: whether a run that was saved in the folder goes on.
  ///   - output: the folder for the state, the log, the curves and the summary; nil writes nothing.
  ///   - onEvent: hears of everything that happens.
  /// - Throws: `TrainingError`.
  public func run(
    _ start: Trainer.Start = .new, output: String?,
    onEvent: (TrainingEvent) throws -> TrainingDecision = { _ in .continue }
  ) throws -> TrainingSummary {
    try Trainer(objective, settings: recipe.settings, output: output, compute: trainable.compute).run(
      start, onEvent: onEvent)
  }

  /// How the parameters as they are do on the test data, head by head; nil without test data.
  public func test() throws -> [EvaluationResult]? { try testEvaluator?.evaluate(trainable, heads: heads) }

  /// How the parameters as they are do on the development data, head by head; nil without such data.
  public func judge() throws -> [EvaluationResult]? { try developmentEvaluator?.evaluate(trainable, heads: heads) }

  /// The model with the parameters as they are.
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
      if let head = try trainable.head(name) { result.replaceHead(name, head) }
    }
    try result.setActiveAdapters(setup)
    return result
  }

  /// The adapters that are trained.
  public var trainedAdapters: [String] { recipe.trainedAdapters(heads[0]) }

  /// The fusions that are trained, by their adapters' names with commas between them.
  public var trainedFusions: [String] { (setup?.fusedAdapters ?? []).map { AdapterFusion.name(of: $0) } }

  /// The head that is trained after a fusion: of the branch in which the fusion acts last.
  func head(ofFusion name: String) -> String? {
    let branches = (try? setup?.branches()) ?? []
    return zip(branches, heads).first { $0.0.head == name }?.1
  }

  // MARK: Parts

  /// A head whose one output is a probability is trained by cross entropy, to which other values mean nothing.
  private static func requireProbabilities(
    _ data: TrainingDataset, head: String
  ) throws(TrainingJobError) {
    for (example, line) in zip(data.examples, data.lines) {
      if case .value(let value) = example.target, !(0...1).contains(value) {
        throw .notAProbability(head: head, value: value, line: line)
      }
    }
  }

  private static func labels(
    _ recipe: TrainingRecipe, _ task: TrainingTask, _ head: HeadSettings?, _ data: SourceData
  ) throws -> LabelVocabulary? {
    guard task.hasLabels else { return nil }
    if let head { return try LabelVocabulary(head) }
    return switch recipe.labels {
    case .names(let names): try LabelVocabulary(names)
    case .file(let path): try LabelVocabulary(path: path)
    case nil: try LabelVocabulary(inferredFrom: data.examples)
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

  /// A cache of what the layers below the lowest adapter make of the data.
  private static func cache(
    _ data: TrainingDataset, _ recipe: TrainingRecipe, _ model: TrainableModel, _ task: TrainingTask
  ) throws -> PrefixCache? {
    let layers = try model.unhookedLayers()
    guard layers > 0, recipe.prefixMemory > 0, task != .maskedLM else { return nil }
    return try PrefixCache(
      data, layers: layers, hiddenSize: model.configuration.hiddenSize, memory: recipe.prefixMemory,
      folder: FileManager.default.temporaryDirectory.path)
  }

  private static func fingerprint(
    _ recipe: TrainingRecipe, _ setup: Composition?, folder: String
  ) throws -> [String: String] {
    var facts = ["setup": setup?.description ?? "none"]
    // How long a run is, and how often it saves, may change when it is resumed as far as the trainer lets it.
    let own = Set(TrainingRecipe.keys.map(\.name))
    for (key, value) in recipe.members where own.contains(key) { facts[key] = value.line }
    for (key, path) in [("train", recipe.trainingData), ("dev", recipe.developmentData ?? "")] where !path.isEmpty {
      facts[key + " size"] = "\(try FileManager.default.attributesOfItem(atPath: path)[.size] ?? 0) bytes"
    }
    facts["base model"] = URL(filePath: folder).standardizedFileURL.lastPathComponent
    return facts
  }
}

extension HeadSettings {
  /// Whether two heads answer the same question, whatever their layers.
  fileprivate func hasAnswers(of other: HeadSettings) -> Bool {
    kind == other.kind && outputs == other.outputs && labels == other.labels && function == other.function
  }
}

/// Why a recipe cannot be followed.
public enum TrainingJobError: Error, Hashable, Sendable, CustomStringConvertible {
  case noHead(name: String)
  case otherHead(name: String, TrainingTask, TrainingTask)
  case unlikeHeads(String, String)
  case sharedHead(name: String)
  case oneLabel(String)
  case notAProbability(head: String, value: Float, line: Int)
  case frozenElsewhere(name: String, setup: String?)
  case freshInFusion(name: String)

  public var description: String {
    switch self {
    case .noHead(let name):
      "There is no head called '\(name)', and no kind of head is named to make one. "
        + "Name one of \(TrainingTask.allCases.map(\.rawValue).joined(separator: ", "))."
    case .otherHead(let name, let found, let asked):
      "The head '\(name)' is for \(found.rawValue), not for \(asked.rawValue); leave the kind out, or train another "
        + "adapter's head."
    case .unlikeHeads(let first, let second):
      "The heads '\(first)' and '\(second)' have different answers, so the same examples cannot train both."
    case .sharedHead(let name):
      "Several branches of the setup end with '\(name)', so they would share its head; each needs one of its own."
    case .oneLabel(let label):
      "A head that knows the label '\(label)' alone has nothing to choose; classification takes two labels or more. "
        + "For numbers train a head for regression."
    case .freshInFusion(let name):
      "No adapter is called '\(name)', and a fusion joins adapters that are trained before it. Register it, or train "
        + "it first with 'adapter-cli train --adapter \(name)'."
    case .notAProbability(let head, let value, let line):
      "The head '\(head)' gives a probability (the sigmoid of its output), so its examples must have values from 0 to "
        + "1; line \(line) has \(value)."
    case .frozenElsewhere(let name, let setup):
      "'\(name)' is to stay as it is, but is not in the setup" + (setup.map { " \($0)." } ?? ": there is none.")
    }
  }
}
