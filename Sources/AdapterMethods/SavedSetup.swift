public import Checkpoints

/// A folder written by `save_adapter_setup` of `adapters`: `adapter_setup.json`, and subfolders for the adapters,
/// fusions and heads of the composition.
///
/// Source: adapters, `model_mixin.py`, `_save_adapter_setup_config`; `composition.py`, `to_dict`.
public struct SavedSetup: Sendable {
  public static let configurationFile = "adapter_setup.json"

  /// The active adapters.
  public let composition: Composition
  /// The active heads, in order; nil if none were saved.
  public let heads: [String]?

  /// - Parameters:
  ///   - composition: the active adapters.
  ///   - heads: the active heads, in order; nil if there are none.
  public init(_ composition: Composition, heads: [String]?) {
    self.composition = composition
    self.heads = heads
  }

  /// Writes the description into an existing folder.
  public func write(to folder: String) throws(CheckpointError) {
    let answering: JSONValue =
      switch heads {
      case nil: .null
      case let names? where names.count == 1: .string(names[0])
      case let names?: .array(names.map { .string($0) })
      }
    let description = JSONValue.object([
      "adapter_setup": composition.description(asRoot: true), "head_setup": answering,
      "version": .string(SavedFolder.version),
    ])
    try description.write(to: "\(folder)/\(Self.configurationFile)")
  }

  /// Reads the folder's description, without its tensors.
  ///
  /// - Throws: `CheckpointError` for an unreadable file, `ConfigurationError` if it is not a setup, `CompositionError`
  ///   for an invalid composition.
  public init(folder: String) throws {
    let fields = try ConfigurationFields(path: "\(folder)/\(Self.configurationFile)")
    guard let setup = try fields.object("adapter_setup") else {
      throw ConfigurationError.missing(key: "adapter_setup", file: fields.file)
    }
    composition = try Composition(Self.text(setup))
    heads = try Self.heads(fields)
  }

  /// The text form of a composition in JSON of `adapters`.
  private static func text(_ block: ConfigurationFields) throws(ConfigurationError) -> String {
    let type = try block.string("type") ?? ""
    guard case .array(let children)? = block.members["children"], !type.isEmpty else {
      throw block.impossible("adapter_setup", "a block without 'type' and 'children'", "{\"type\", \"children\"}")
    }
    if type == "single" {
      guard children.count == 1, case .string(let name) = children[0],
        !name.isEmpty, !name.contains(where: { "()[],=".contains($0) || $0.isWhitespace })
      else { throw block.impossible("children", JSONValue.array(children).line, "the name of one adapter") }
      return name
    }
    var arguments: [String] = []
    for child in children {
      switch child {
      case .object: arguments.append(try text(ConfigurationFields(child, file: block.file)))
      case .string(let name): arguments.append(name)
      default: throw block.impossible("children", child.line, "blocks and names of adapters")
      }
    }
    for (key, value) in try block.object("kwargs")?.members.sorted(by: { $0.key < $1.key }) ?? [] where value != .null {
      if case .string(let name) = value {
        arguments.append("\(key)=\(name)")
      } else {
        arguments.append("\(key)=\(value.line)")
      }
    }
    return "\(type)(\(arguments.joined(separator: ", ")))"
  }

  private static func heads(_ fields: ConfigurationFields) throws -> [String]? {
    switch fields.members["head_setup"] {
    case nil, .null: return nil
    case .string(let name): return [name]
    case .array: return try fields.strings("head_setup")
    case .object(let members):
      return try Composition(text(ConfigurationFields(.object(members), file: fields.file))).adapters
    case .some(let value):
      throw fields.impossible(
        "head_setup", value.line, "the names of heads: the head of a model with one head of its own is not saved here")
    }
  }
}

extension Composition {
  /// The block in JSON of `adapters`.
  ///
  /// - Parameter isRoot: a single adapter is stored as a stack.
  fileprivate func description(asRoot isRoot: Bool = false) -> JSONValue {
    guard let block else {
      let single = JSONValue.object(["type": .string("single"), "children": .array([.string(last)])])
      return isRoot ? .object(["type": .string("Stack"), "children": .array([single])]) : single
    }
    var members: [String: JSONValue] = [
      "type": .string(block.rawValue), "children": .array(children.map { $0.description() }),
    ]
    let argument: (String, JSONValue)? =
      switch self {
      case .split(_, let sizes): ("splits", .array(sizes.map { .integer($0) }))
      case .batchSplit(_, let sizes): ("batch_sizes", .array(sizes.map { .integer($0) }))
      case .average(_, let weights?): ("weights", .array(weights.map { .number(Double($0)) }))
      case .fuse(_, let name?): ("name", .string(name))
      default: nil
      }
    if let (key, value) = argument { members["kwargs"] = .object([key: value]) }
    return .object(members)
  }
}
