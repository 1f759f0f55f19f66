public import Files

/// Why a registry could not do what was requested.
///
/// Every case holds the facts; ``description`` makes one sentence of them
/// that says what was expected, what was found and where.
public enum RegistryError: Error, Hashable, Sendable {
  // MARK: The file

  /// There is no registry at this path.
  case notFound(path: String)
  /// A new registry was to be made where something is already.
  case alreadyExists(path: String)
  /// The file is no registry.
  case notARegistry(path: String, reason: String)
  /// A later version of this program wrote the registry.
  case newerSchema(path: String, found: Int, known: Int)
  /// The database inside the file is broken.
  case damaged(path: String, reason: String)
  /// A row holds a value that cannot be.
  case badRow(path: String, RowFault)
  /// A writer was stopped half way, and what it left cannot be read where
  /// nothing may be written.
  case unfinishedChanges(path: String)
  /// The registry, or the folder that it lies in, may not be written.
  case notWritable(path: String, reason: String)
  /// A change was requested of a registry that was opened for reading.
  case openedForReading(path: String)
  /// The registry was used after it was closed.
  case closed(path: String)
  /// Another process kept the registry locked.
  case busy(path: String, seconds: Double)
  /// The disk is full.
  case diskFull(path: String)
  /// SQLite refused for another reason.
  case storage(path: String, code: Int, reason: String)

  // MARK: Names

  /// No default base model is set.
  case noDefaultModel(path: String)
  /// Nothing of this name is registered.
  case unknown(kind: ItemKind, name: String, model: String?, nearest: [String])
  /// The name is in use.
  case nameTaken(kind: ItemKind, name: String, model: String?)
  /// The name breaks the rule of ``ItemName``.
  case badName(kind: ItemKind, name: String, reason: String)

  // MARK: Content

  /// A value cannot be stored as it is.
  case badValue(what: String, reason: String)
  /// A file or folder could not be read, written or moved.
  case file(path: String, operation: FileOperation, reason: String)
  /// The folder has an entry that has no place there.
  case unexpectedEntry(path: String, reason: String)
  /// The folder belongs to another row already.
  case folderTaken(path: String, owner: Owner)
  /// The adapter was made for another base model.
  case wrongBase(adapter: String, madeFor: ContentDigest, model: String, found: ContentDigest)
  /// Something else needs it.
  case inUse(kind: ItemKind, name: String, model: String?, by: [String])
}

extension RegistryError: CustomStringConvertible {
  public var description: String { clause.prefix(1).uppercased() + clause.dropFirst() + "." }

  /// What happened, as a part of a sentence.
  var clause: String { fileSentence ?? nameSentence ?? contentSentence }

  private var fileSentence: String? {
    switch self {
    case .notFound(let path): "there is no registry at '\(path)'"
    case .alreadyExists(let path): "a new registry cannot be made at '\(path)': something is there already"
    case .notARegistry(let path, let reason): "'\(path)' is not an adapter registry: \(reason)"
    case .newerSchema(let path, let found, let known):
      "'\(path)' has schema version \(found); this program knows versions up to \(known): a newer program wrote it"
    case .damaged(let path, let reason): "'\(path)' is damaged: \(reason)"
    case .badRow(let path, let fault): "'\(path)' has a row that cannot be read: \(fault)"
    case .unfinishedChanges(let path):
      "'\(path)' has changes of a writer that was stopped; they can only be read after the registry was opened once "
        + "where its folder may be written"
    case .notWritable(let path, let reason): "'\(path)' may not be written: \(reason)"
    case .openedForReading(let path): "'\(path)' was opened for reading and cannot be changed"
    case .closed(let path): "'\(path)' was closed and cannot be used any more"
    case .busy(let path, let seconds):
      "'\(path)' is locked by another process and was not released within \(seconds) seconds"
    case .diskFull(let path): "the disk that holds '\(path)' is full; nothing was changed"
    case .storage(let path, let code, let reason): "SQLite refused '\(path)': \(reason) (code \(code))"
    default: nil
    }
  }

  private var nameSentence: String? {
    switch self {
    case .noDefaultModel(let path): "no base model was named, and '\(path)' has no default one"
    case .unknown(let kind, let name, let model, let nearest):
      "there is no \(kind.rawValue) '\(name)'\(Self.place(model))"
        + (nearest.isEmpty ? "" : " (did you mean \(Self.alternatives(nearest))?)")
    case .nameTaken(let kind, let name, let model):
      "there is \(kind.withArticle) '\(name)'\(Self.place(model)) already"
    case .badName(let kind, let name, let reason):
      "'\(name.excerpt)' cannot name \(kind.withArticle): \(reason)"
    default: nil
    }
  }

  private var contentSentence: String {
    switch self {
    case .badValue(let what, let reason): "\(what) cannot be stored: \(reason)"
    case .file(let path, let operation, let reason):
      "cannot \(operation.rawValue) '\(path.escapedForDisplay)': \(reason)"
    case .unexpectedEntry(let path, let reason): "'\(path.escapedForDisplay)' \(reason)"
    case .folderTaken(let path, let owner): "'\(path)' is the folder of \(owner) already"
    case .wrongBase(let adapter, let madeFor, let model, let found):
      "the adapter '\(adapter)' was made for the base model with digest \(madeFor.short); '\(model)' has \(found.short)"
    case .inUse(let kind, let name, let model, let users):
      "the \(kind.rawValue) '\(name)'\(Self.place(model)) is used by \(users.joined(separator: " and "))"
    default: ""
    }
  }

  private static func place(_ model: String?) -> String { model.map { " of the base model '\($0)'" } ?? "" }

  private static func alternatives(_ names: [String]) -> String {
    names.map { "'\($0)'" }.joined(separator: " or ")
  }
}

extension StringProtocol {
  /// The text with everything that a terminal would act on spelled out.
  var escapedForDisplay: String {
    var text = ""
    for scalar in unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator: text += scalar.escaped(asASCII: true)
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }

  /// The beginning of a text, to be put into a sentence.
  var excerpt: String {
    let start = unicodeScalars.prefix(64)
    return String(String.UnicodeScalarView(start)).escapedForDisplay + (start.endIndex < endIndex ? "…" : "")
  }
}
