public import Checkpoints

/// A folder that the reference's `save_adapter_setup` wrote: `adapter_setup.json`, and below it a folder for each
/// adapter, fusion and head that the composition names.
///
/// Source: adapters, `model_mixin.py`, `_save_adapter_setup_config`; `composition.py`, `to_dict`.
public struct SavedSetup: Sendable {
  public static let configurationFile = "adapter_setup.json"

  /// The adapters that act.
  public let composition: Composition
  /// The heads that answer, in order; nil where none were saved.
  public let heads: [String]?

  /// - Parameters:
  ///   - composition: what acts.
  ///   - heads: that answer, in order; nil where there are none.
  public init(_ composition: Composition, heads: [String]?) {
    self.composition = composition
    self.heads = heads
  }

  /// Writes the description into a folder, which exists.
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

  /// Reads the folder's description, and none of its tensors.
  ///
  /// - Throws: `CheckpointError` for a file that cannot be read, `ConfigurationError` for what is no setup,
  ///   `CompositionError` for a composition that cannot be.
  public init(folder: String) throws {
    let fields = try ConfigurationFields(path: "\(folder)/\(Self.configurationFile)")
    guard let setup = try fields.object("adapter_setup") else {
      throw ConfigurationError.missing(key: "adapter_setup", file: fields.file)
    }
    composition = try Composition(Self.text(setup))
    heads = try Self.heads(fields)
  }

  /// The text form of a composition in the reference's JSON.
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
  /// The block as the reference's JSON has it.
  ///
  /// - Parameter isRoot: an adapter alone is a stack of it there.
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
