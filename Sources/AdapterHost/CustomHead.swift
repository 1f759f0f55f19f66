public import Checkpoints
internal import Files
internal import Heads
public import Model
public import Tensors

/// A head defined by an application, computed from a row's hidden states.
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
/// Commands and training only support the built-in kinds of heads.
public protocol CustomHead: Sendable {
  /// The value of `head_type` in a saved head.
  static var type: String { get }

  /// Reads a saved head.
  ///
  /// - Parameters:
  ///   - settings: the `config` of its `head_config.json`.
  ///   - tensors: the file's tensors, by their names below `heads.NAME.`; all must be read.
  ///   - hiddenSize: the model's hidden size.
  init(settings: ConfigurationFields, tensors: WeightReader, hiddenSize: Int) throws

  /// The members of `config` in addition to `head_type`.
  var settings: [String: JSONValue] { get }

  /// The tensors to save, by their names below `heads.NAME.`
  var tensors: [OutgoingTensor] { get }

  /// Computes the head's output from the last hidden states of one row, [N, H].
  func callAsFunction(_ states: Tensor, on pass: Pass) -> Tensor
}

extension DebertaV2AdapterModel {
  /// The names of the custom heads.
  public var customHeadNames: [String] { customHeads.keys.sorted() }

  /// The custom head with this name.
  public func customHead(_ name: String) -> (any CustomHead)? { customHeads[name] }

  /// Adds a custom head, or replaces the one with its name.
  public mutating func addCustomHead(_ name: String, _ head: any CustomHead) { customHeads[name] = head }

  /// Removes a custom head.
  public mutating func deleteCustomHead(_ name: String) { customHeads[name] = nil }

  /// A custom head's answer for each row of an output, which must contain the states of all tokens.
  ///
  /// - Throws: `ModelError.unknownHead`.
  public func answers(ofCustomHead name: String, to output: ModelOutput) throws(ModelError) -> [Tensor] {
    guard let head = customHeads[name] else { throw unknown(customHead: name) }
    let pass = Pass(compute)
    return (0..<output.rowCount).map { head(output.hiddenStates(row: $0), on: pass) }
  }

  /// Saves a custom head in the format of `adapters`.
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

  /// Loads a saved custom head.
  ///
  /// - Parameters:
  ///   - type: must match the `type` in the folder.
  ///   - folder: the folder of a saved head.
  ///   - name: the name to use; nil: as saved.
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
