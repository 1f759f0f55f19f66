public import AdapterRegistry
public import Checkpoints
internal import Foundation

/// The contents of a model, adapter or head folder or file, and how loading would use them.
///
/// The files only need to be readable: problems are part of the result.
public struct Inspection: Sendable {
  /// The folder or file.
  public let path: String
  /// The recognized parts, in the order a loader looks for them.
  public let parts: [Part]
  /// Names of files that belong to no part, sorted.
  public let otherFiles: [String]

  /// A part of a folder.
  public struct Part: Sendable {
    /// The kind of part.
    public let kind: Kind
    /// The facts in its configuration, most important first.
    public let facts: [Fact]
    /// Its tensors, by name.
    public let tensors: [Tensor]
    /// The missing tensors, by name.
    public let missing: [MissingTensor]
    /// Other missing requirements, as sentences.
    public let needs: [String]
    /// Why it cannot be used; nil if it can, or if there was no base model to check it with.
    public let problem: String?
  }

  public enum Kind: String, Hashable, Sendable, CaseIterable {
    case checkpoint, adapter, head, fusion, setup, tensors
    case peftAdapter = "PEFT adapter"

    var withArticle: String { (self == .adapter ? "an " : "a ") + rawValue }
  }

  /// A member of a configuration.
  public struct Fact: Hashable, Sendable {
    public let name: String
    public let value: JSONValue

    public init(name: String, value: JSONValue) { (self.name, self.value) = (name, value) }

    public init(name: String, value: String) { self.init(name: name, value: .string(value)) }

    /// The value as displayed: strings unquoted, all else as JSON.
    public var text: String { if case .string(let text) = value { text } else { value.line } }
  }

  /// A tensor in a file.
  public struct Tensor: Hashable, Sendable {
    public let name: String
    public let shape: [Int]
    public let elementType: ElementType
    public let use: Use
    /// The required shape, if it differs.
    public let neededShape: [Int]?

    public var byteCount: Int { shape.reduce(1, *) * elementType.byteCount }
  }

  /// A required tensor that is missing.
  public struct MissingTensor: Hashable, Sendable {
    public let name: String
    public let shape: [Int]
  }

  /// How loading would use a tensor.
  public enum Use: String, Hashable, Sendable, CaseIterable {
    case used
    /// Known but ignored: part of another head, or of an unsupported training objective.
    case left
    /// Not expected, so loading fails.
    case unexpected
    /// Of the wrong shape.
    case misshapen
    /// Of unknown use.
    case unknown
  }

  /// The base model for checking adapters.
  public struct Base: Sendable {
    public let name: String
    /// Its `config.json`.
    public let configuration: String
    public let path: String

    public init(_ record: ModelRecord) {
      (name, configuration, path) = (record.name, record.configuration, record.path)
    }

    /// The checkpoint in a folder.
    public init(folder: String) throws(CheckpointError) {
      name = folder.split(separator: "/").last.map(String.init) ?? folder
      path = folder
      configuration = String(decoding: try CheckpointFolder.readConfiguration(folder).json, as: UTF8.self)
    }
  }

  /// Inspects a folder or a file.
  ///
  /// - Parameters:
  ///   - path: a folder, or a tensor file.
  ///   - base: the base model for checking adapters, if any.
  /// - Throws: `InspectionError`, if there is nothing, or nothing recognized; `CheckpointError` for a single file.
  public init(_ path: String, base: Base? = nil) throws {
    var isFolder = ObjCBool(false)
    guard !path.utf8.contains(0), FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw InspectionError.nothingThere(path: path)
    }
    self.path = path
    guard isFolder.boolValue else {
      parts = [try .file(path)]
      otherFiles = []
      return
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: path).filter { !$0.hasPrefix(".") }.sorted()
    var parts: [Part] = []
    var claimed: Set<String> = []
    for reader in PartReader.all where reader.isMarked(names) && reader.isIn(path) {
      parts.append(reader.read(path, base))
      claimed.formUnion(names.filter(reader.owns))
    }
    for name in names where !claimed.contains(name) && (name.hasSuffix(".safetensors") || name.hasSuffix(".bin")) {
      guard let part = try? Part.file("\(path)/\(name)") else { continue }
      parts.append(part)
      claimed.insert(name)
    }
    guard !parts.isEmpty else { throw InspectionError.nothingKnown(path: path, files: names) }
    self.parts = parts
    otherFiles = names.filter { !claimed.contains($0) }
  }
}

extension Inspection.Part {
  /// Inspects a single tensor file, whose purpose is unknown.
  static func file(_ path: String) throws(CheckpointError) -> Inspection.Part {
    let file = try TensorFile(path: path)
    var facts = [Inspection.Fact(name: "file", value: path.split(separator: "/").last.map(String.init) ?? path)]
    facts += file.metadata.sorted { $0.key < $1.key }.map { Inspection.Fact(name: $0.key, value: $0.value) }
    if !file.otherEntries.isEmpty {
      facts.append(Inspection.Fact(name: "no tensors", value: file.otherEntries.joined(separator: ", ")))
    }
    return Inspection.Part(
      kind: .tensors, facts: facts, tensors: file.tensors.map { Inspection.Tensor($0, .unknown) }, missing: [],
      needs: [], problem: nil)
  }
}

extension Inspection.Tensor {
  init(_ stored: StoredTensor, _ use: Inspection.Use, neededShape: [Int]? = nil) {
    self.init(
      name: stored.name, shape: stored.shape, elementType: stored.elementType, use: use, neededShape: neededShape)
  }
}

/// Why a path cannot be inspected.
public enum InspectionError: Error, Hashable, Sendable, CustomStringConvertible {
  case nothingThere(path: String)
  case nothingKnown(path: String, files: [String])
  /// The folder contains other parts than the wanted one.
  case lacks(path: String, kind: Inspection.Kind, found: [Inspection.Kind], files: [String])

  public var description: String {
    switch self {
    case .nothingThere(let path): "There is no file or folder '\(path)'."
    case .nothingKnown(let path, let files):
      "The folder '\(path)' holds no checkpoint, adapter, head, fusion or file of tensors; it holds "
        + Self.listed(files)
    case .lacks(let path, let kind, let found, let files):
      "The folder '\(path)' holds no \(kind.rawValue); it holds "
        + (found.isEmpty ? Self.listed(files) : found.map(\.withArticle).joined(separator: " and ") + ".")
    }
  }

  private static func listed(_ files: [String]) -> String {
    files.isEmpty ? "nothing." : files.prefix(8).joined(separator: ", ") + (files.count > 8 ? ", …" : ".")
  }
}
