public import Checkpoints
internal import Files
internal import Heads
public import Model
public import Tensors

/// A head of an application's own: what it makes of a row's hidden states.
///
///     struct Length: CustomHead {
///       static let type = "length"
///       …
///       func callAsFunction(_ states: Tensor, on pass: Pass) -> Tensor { … }
///     }
///     model.addCustomHead("length", Length(…))
///     let output = try model(ids)
///     let lengths = try model.answers(ofCustomHead: "length", to: output)
///
/// Commands and training know the kinds of heads of this package alone.
public protocol CustomHead: Sendable {
  /// The value of `head_type` in a saved head.
  static var type: String { get }

  /// Reads a saved head.
  ///
  /// - Parameters:
  ///   - settings: the `config` of its `head_config.json`.
  ///   - tensors: those of its file, by their names below `heads.NAME.`; each has to be read.
  ///   - hiddenSize: the model's hidden size.
  init(settings: ConfigurationFields, tensors: WeightReader, hiddenSize: Int) throws

  /// The members of `config` beside `head_type`.
  var settings: [String: JSONValue] { get }

  /// The tensors that are saved, by their names below `heads.NAME.`
  var tensors: [OutgoingTensor] { get }

  /// What it makes of the last hidden states of one row, [N, H].
  func callAsFunction(_ states: Tensor, on pass: Pass) -> Tensor
}

extension DebertaV2AdapterModel {
  /// The names of the application's own heads.
  public var customHeadNames: [String] { customHeads.keys.sorted() }

  /// An application's own head.
  public func customHead(_ name: String) -> (any CustomHead)? { customHeads[name] }

  /// Adds a head of an application's own, or replaces the one of its name.
  public mutating func addCustomHead(_ name: String, _ head: any CustomHead) { customHeads[name] = head }

  /// Removes an application's own head.
  public mutating func deleteCustomHead(_ name: String) { customHeads[name] = nil }

  /// What an application's own head makes of each row of an output, which holds the states of all tokens.
  ///
  /// - Throws: `ModelError.unknownHead`.
  public func answers(ofCustomHead name: String, to output: ModelOutput) throws(ModelError) -> [Tensor] {
    guard let head = customHeads[name] else { throw unknown(customHead: name) }
    let pass = Pass(compute)
    return (0..<output.rowCount).map { head(output.hiddenStates(row: $0), on: pass) }
  }

  /// Saves an application's own head in the form of the reference's.
  public func saveCustomHead(
    _ name: String, to folder: String, as format: WeightFormat = .safetensors
  ) throws {
    guard let head = customHeads[name] else { throw unknown(customHead: name) }
    try Folders.create(folder)
    let tensors = head.tensors.map {
      OutgoingTensor(name: "heads.\(name).\($0.name)", shape: $0.shape, values: $0.values)
    }
    try format.write(tensors, as: SavedHead.weightFiles, to: folder)
    let members = head.settings.merging(["head_type": .string(type(of: head).type)]) { $1 }
    let description = SavedFolder.description(
      name: name, modelName: self.name, family: configuration.family, hiddenSize: configuration.hiddenSize,
      configuration: .object(members))
    try description.write(to: "\(folder)/\(SavedHead.configurationFile)")
  }

  /// Loads a saved head of an application's own.
  ///
  /// - Parameters:
  ///   - type: whose `type` the folder names.
  ///   - folder: of a saved head.
  ///   - name: what it is called; nil: as saved.
  /// - Returns: its name.
  /// - Throws: `ConfigurationError`, `CheckpointError`, also for a tensor that the head does not read.
  @discardableResult
  public mutating func loadCustomHead<Head: CustomHead>(
    _ type: Head.Type, from folder: String, as name: String? = nil
  ) throws -> String {
    let fields = try ConfigurationFields(path: "\(folder)/\(SavedHead.configurationFile)")
    try SavedFolder.check(fields, family: configuration.family, hiddenSize: configuration.hiddenSize)
    guard let saved = try fields.string("name") else {
      throw ConfigurationError.missing(key: "name", file: fields.file)
    }
    guard let settings = try fields.object("config") else {
      throw ConfigurationError.missing(key: "config", file: fields.file)
    }
    let found = try settings.string("head_type")
    guard found == Head.type else {
      throw settings.impossible("head_type", "'\(found ?? "null")'", "'\(Head.type)'")
    }
    let ledger = WeightLedger(try TensorFile.first(of: SavedHead.weightFiles, in: folder))
    let head = try Head(
      settings: settings, tensors: WeightReader(ledger, compute, scope: "heads.\(saved)"),
      hiddenSize: configuration.hiddenSize)
    try ledger.finish()
    customHeads[name ?? saved] = head
    return name ?? saved
  }

  private func unknown(customHead name: String) -> ModelError {
    .unknownHead(name: name, nearest: NearestNames.of(name, in: customHeadNames, limit: 2))
  }
}
