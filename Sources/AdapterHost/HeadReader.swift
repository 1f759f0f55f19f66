internal import AdapterMethods
internal import AdapterRegistry
internal import Checkpoints
internal import Deberta
internal import Foundation
internal import Heads
internal import Tensors

/// Reads heads for one base model from any location: the tensors of its checkpoint, a head folder, or an adapter folder
/// of `adapters` or PEFT.
struct HeadReader: Sendable {
  let shape: DebertaV2Configuration
  /// The base model's `config.json`.
  let fields: ConfigurationFields
  /// The base model's tensors, which complete heads saved by PEFT; nil if there are none. A read error only matters for
  /// a head that needs them.
  private let weights: Result<TensorFile?, CheckpointError>
  /// The word embeddings [vocabulary, E], to which a decoder may be tied.
  private let words: WeightMatrix?
  private let compute: Compute
  /// Whether decoders are tied to the word embeddings.
  let tiesWords: Bool

  /// - Throws: `ConfigurationError`.
  init(
    _ fields: ConfigurationFields, _ shape: DebertaV2Configuration, weights: TensorFile?, words: WeightMatrix? = nil,
    _ compute: Compute
  ) throws(ConfigurationError) {
    try self.init(fields, shape, weights: .success(weights), words: words, compute)
  }

  private init(
    _ fields: ConfigurationFields, _ shape: DebertaV2Configuration, weights: Result<TensorFile?, CheckpointError>,
    words: WeightMatrix?, _ compute: Compute
  ) throws(ConfigurationError) {
    self.fields = fields
    self.shape = shape
    self.weights = weights
    self.words = words
    self.compute = compute
    tiesWords = try fields.tiesWords
  }

  /// A reader for a base model that is not loaded.
  init(_ base: Inspection.Base) throws {
    let file = base.path + "/config.json"
    try self.init(
      ConfigurationFields(JSONValue(Data(base.configuration.utf8), file: file), file: file), base.shape,
      weights: Self.weights(in: base.path), words: nil, Compute(threads: 1))
  }

  /// The tensors of a checkpoint; nil if its folder has none.
  private static func weights(in folder: String) -> Result<TensorFile?, CheckpointError> {
    do throws(CheckpointError) { return .success(try CheckpointFolder(path: folder).weights) } catch {
      switch error {
      case .noneFound, .cannotRead(_, code: ENOENT): return .success(nil)
      default: return .failure(error)
      }
    }
  }

  /// A head with the base model's pooler, if the head uses it.
  ///
  /// - Throws: `HeadError.noPooler`, if the checkpoint has none; `ConfigurationError`, `CheckpointError`.
  func pooled(_ head: PredictionHead) throws -> PredictionHead {
    guard head.settings.usesPooler, head.pooler == nil else { return head }
    let base = try baseTensors
    guard base.contains("pooler.dense.weight") else { throw HeadError.noPooler(checkpoint: base.source) }
    let hidden = shape.hiddenSize
    let dense = try WeightReader(base, compute)["pooler.dense"].linear(in: hidden, out: hidden)
    var head = head
    head.pooler = Pooler(
      dense, try fields.poolerActivation, dropout: Float(try fields.number("pooler_dropout") ?? 0))
    return head
  }

  /// The head in an adapter's folder, if there is one.
  ///
  /// - Throws: `ConfigurationError`, `CheckpointError`, `HeadError`.
  func head(besideAdapterIn folder: String) throws -> PredictionHead? {
    if SavedHead.exists(in: folder) { return try head(in: folder).head }
    guard let saved = try PeftFolder.head(in: folder, compute) else { return nil }
    let ledger = saved.weights.ledger
    let base = try baseTensors
    guard let kind = try kind(of: saved, beside: base) else { throw HeadError.unknownPeftHead(saved) }
    let modules = StaticHead.modules(kind)
    for module in modules where !ledger.contains(module + ".weight") {
      ledger.borrow(["weight", "bias"].map { "\(module).\($0)" }, from: base)
      guard ledger.contains(module + ".weight") else { throw HeadError.notSaved(module: module, saved) }
    }
    let rows = ledger.shape(of: StaticHead.last(kind) + ".weight")?.first ?? 0
    let settings = try HeadSettings(
      kind, outputs: rows, labels: fields.namedOutputs == rows ? nil : LabelNames.numbered(rows), of: fields)
    let head = try PredictionHead(settings, saved.weights, parts: modules, hiddenSize: shape.hiddenSize)
    try ledger.finish()
    return head
  }

  /// The head in a folder, with its saved name; nil for the name of a transformers head, which has none.
  ///
  /// - Throws: `ConfigurationError`, `CheckpointError`.
  func head(in folder: String) throws -> (name: String?, head: PredictionHead) {
    let saved = try ConfigurationFields(path: folder + "/" + SavedHead.configurationFile)
    guard saved.members["config"] ?? .null == .null, let name = try saved.string("model_class"),
      let kind = StaticHead.kind(class: name)
    else {
      let (name, head) = try SavedHead.read(
        folder, family: shape.family, hiddenSize: shape.hiddenSize, layerNormEps: shape.layerNormEps,
        tiedTo: tiesWords ? words : nil, compute)
      return (name, try pooled(head))
    }
    try SavedFolder.check(saved, family: shape.family, hiddenSize: shape.hiddenSize)
    let ledger = WeightLedger(
      try TensorFile.first(of: SavedHead.weightFiles, in: folder), rename: EncoderLayout.ownName)
    let decoder = words ?? WeightMatrix(Tensor([0], rows: 1, columns: 1))
    let head = try staticHead(kind, saved, ledger).read(WeightReader(ledger, compute), shape, words: decoder)
    try ledger.finish(knowing: Encoder.isKnownUnused)
    return (try saved.string("name"), head)
  }

  /// A transformers head saved by `adapters`.
  private func staticHead(
    _ kind: HeadKind, _ saved: ConfigurationFields, _ tensors: WeightLedger
  ) throws -> StaticHead {
    if kind == .maskedLM {
      return .maskedLM(StaticMaskedLM(in: tensors) ?? .huggingFace, isTied: tiesWords && words != nil)
    }
    let rows = tensors.shape(of: StaticHead.last(kind) + ".weight")?.first ?? 2
    if kind == .classification || kind == .tagging, let count = try saved.integer("num_labels", in: 1...1 << 24),
      count != rows
    {
      throw saved.impossible("num_labels", "\(count)", "\(rows), the rows of \(StaticHead.last(kind)).weight")
    }
    return .labelled(try HeadSettings(kind, outputs: rows, labels: saved.labelNames(ofOutputs: rows), of: fields))
  }

  /// The kind of a head saved by PEFT: from its task, else that of the base model's head if their last layers match,
  /// else from its tensors.
  private func kind(of saved: PeftFolder.Head, beside base: WeightLedger) throws -> HeadKind? {
    switch saved.task?.uppercased() {
    case "SEQ_CLS": return .classification
    case "TOKEN_CLS": return .tagging
    case "QUESTION_ANS": return .questionAnswering
    default: break
    }
    let own = try StaticHead(fields, in: base, hiddenSize: shape.hiddenSize)
    let names = saved.weights.ledger.names
    if case .labelled(let settings)? = own {
      let modules = StaticHead.modules(settings.kind)
      let isOfClass = names.allSatisfy { name in modules.contains { name.hasPrefix($0 + ".") } }
      if isOfClass { return settings.kind == .multilabelClassification ? .classification : settings.kind }
    }
    return StaticHead.kind(of: saved.weights.ledger, hiddenSize: shape.hiddenSize)
  }

  /// The tensors of the base model's checkpoint, by their names below `deberta.`
  private var baseTensors: WeightLedger {
    get throws(CheckpointError) {
      try weights.get().map { WeightLedger($0, rename: EncoderLayout.ownName) } ?? WeightLedger([], of: fields.file)
    }
  }
}

/// Why a head in an adapter folder cannot be used.
enum HeadError: Error, Hashable, Sendable, CustomStringConvertible {
  case notSaved(module: String, folder: String)
  case unknownPeftHead(folder: String, task: String?, tensors: [String])
  case noPooler(checkpoint: String)

  static func notSaved(module: String, _ head: PeftFolder.Head) -> HeadError {
    .notSaved(module: module, folder: head.folder)
  }

  static func unknownPeftHead(_ head: PeftFolder.Head) -> HeadError {
    .unknownPeftHead(folder: head.folder, task: head.task, tensors: head.weights.ledger.names)
  }

  var description: String {
    switch self {
    case .notSaved(let module, let folder):
      "\(folder): the head has no \(module == "pooler.dense" ? "pooler" : module): PEFT did not save it, and the base "
        + "model has none either. Name the base model that the adapter was trained on, or save the adapter again with "
        + "modules_to_save=[\"classifier\", \"pooler\"]."
    case .noPooler(let checkpoint):
      "The head reads the first token through the base model's pooler (use_pooler), but \(checkpoint) has no tensor "
        + "pooler.dense.weight. Take a checkpoint with one, such as a DebertaV2ForSequenceClassification, or a head "
        + "without use_pooler."
    case .unknownPeftHead(let folder, let task, let tensors):
      "\(folder): a head lies in the file (\(tensors.prefix(4).joined(separator: ", "))), but 'task_type' is "
        + "\(task.map { "'\($0)'" } ?? "null"), and its tensors make up no head of this base model. Set 'task_type' to "
        + "SEQ_CLS, TOKEN_CLS or QUESTION_ANS."
    }
  }
}
