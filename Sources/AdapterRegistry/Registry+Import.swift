internal import Files
import Foundation
import GRDB

extension Registry {
  /// Copies an adapter's folder into the folder of adapters, describes the
  /// copy, and enters it: what was described is what is registered, whatever
  /// happens to the folder meanwhile.
  ///
  /// The folder that it gets is called like the adapter, or like the adapter
  /// with a number where that name is in use. A folder that lies directly in
  /// the folder of adapters already, and that the registry does not know, is
  /// entered where it is.
  ///
  /// - Parameters:
  ///   - folder: what to import. It is left as it is.
  ///   - name: what to call the adapter; nil is the name that `describe` returns.
  ///   - model: its base model.
  ///   - files: the names of the files to take, as far as they are there;
  ///     links with these names are followed, and all other entries are left.
  ///     Nil is every entry, and links are refused.
  ///   - force: takes an adapter that was made for another base model.
  ///   - replacing: removes an adapter of this name, as ``removeAdapter(_:of:)``
  ///     does, in the transaction that enters the new one.
  ///   - describe: reads the adapter in the folder at a path, and throws for
  ///     one that is not whole.
  /// - Throws: ``RegistryError/wrongBase(adapter:madeFor:model:found:)``;
  ///   ``RegistryError/nameTaken(kind:name:model:)``; others for files that
  ///   cannot be copied; ``RefusedFolder`` with what `describe` throws.
  ///   Nothing is changed then.
  @discardableResult
  public func importAdapter(
    folder: String, as name: String? = nil, of model: String? = nil, files: [String]? = nil, force: Bool = false,
    replacing: Bool = false, describe: (String) throws -> (name: String, description: AdapterDescription)
  ) throws -> AdapterRecord {
    if let name {
      let name = try ItemName(name, for: .adapter).text
      try storage.read { db in
        let model = try modelKey(db, named: model)
        guard try replacing && !replaced(adapter: name, of: model, db).isEmpty else {
          return try requireFree(name, for: .adapter, of: model, db)
        }
      }
    }
    let candidate = try Candidate(folder, files: files, for: self)
    defer { candidate.end() }
    let (savedName, description) = try candidate.described(describe)
    try description.check()
    let name = try ItemName(name ?? savedName, for: .adapter).text
    return try publish(candidate, as: name) { stored, db in
      let model = try modelKey(db, named: model)
      let old = try replacing ? replaced(adapter: name, of: model, db) : []
      let leftovers = try forgetNotingFolders(old, keeping: stored, db)
      try requireFree(name, for: .adapter, of: model, db)
      try requireBase(name, description, is: model, force: force, db)
      let folderId = try enter(candidate.contents, at: stored, db)
      try enter(description, named: name, of: model, in: folderId, from: folder, db)
      try note(.importAdapter, model: model.name, subject: name, detail: candidate.contents.digest.text, db)
      return (try adapterRecord(db, name, of: model), leftovers)
    }
  }

  /// The same for an adapter that the caller made itself, and need not read again.
  @discardableResult
  public func importAdapter(
    folder: String, as name: String, of model: String? = nil, describedBy description: AdapterDescription,
    files: [String]? = nil, force: Bool = false
  ) throws(RegistryError) -> AdapterRecord {
    try description.check()
    do {
      return try importAdapter(folder: folder, as: name, of: model, files: files, force: force) { _ in
        (name, description)
      }
    } catch let error as RegistryError { throw error } catch {
      throw .unexpectedEntry(path: folder, reason: "cannot be imported: \(error)")
    }
  }

  /// Copies a fusion's folder into the folder of adapters, describes the
  /// copy, and enters it, as adapters are imported.
  ///
  /// With `replacing` the fusion of this name and the one of the same adapters
  /// are removed in the transaction that enters the new one, whatever setups
  /// use them.
  @discardableResult
  public func importFusion(
    folder: String, as name: String? = nil, of model: String? = nil, files: [String]? = nil, replacing: Bool = false,
    describe: (String) throws -> (name: String, description: FusionDescription)
  ) throws -> FusionRecord {
    if let name {
      let name = try ItemName(name, for: .fusion).text
      try storage.read { db in
        let model = try modelKey(db, named: model)
        guard try replacing && !replaced(fusion: name, joining: [], of: model, db).isEmpty else {
          return try requireFree(name, for: .fusion, of: model, db)
        }
      }
    }
    let candidate = try Candidate(folder, files: files, for: self)
    defer { candidate.end() }
    let (savedName, description) = try candidate.described(describe)
    try description.check()
    let name = try ItemName(name ?? savedName, for: .fusion).text
    return try publish(candidate, as: name) { stored, db in
      let model = try modelKey(db, named: model)
      let members = try adapterKeys(db, named: description.adapters, of: model)
      let old = try replacing ? replaced(fusion: name, joining: description.adapters, of: model, db) : []
      let leftovers = try forgetNotingFolders(old, keeping: stored, db)
      try requireFree(name, for: .fusion, of: model, db)
      try requireFree(joining: description.adapters, of: model, db)
      let folderId = try enter(candidate.contents, at: stored, db)
      try enter(description, of: members, named: name, of: model, in: folderId, from: folder, db)
      try note(.importFusion, model: model.name, subject: name, detail: candidate.contents.digest.text, db)
      return (try fusionRecord(db, name, of: model), leftovers)
    }
  }

  /// The same for a fusion that the caller made itself, and need not read again.
  @discardableResult
  public func importFusion(
    folder: String, as name: String, of model: String? = nil, describedBy description: FusionDescription,
    files: [String]? = nil
  ) throws(RegistryError) -> FusionRecord {
    try description.check()
    do {
      return try importFusion(folder: folder, as: name, of: model, files: files) { _ in (name, description) }
    } catch let error as RegistryError { throw error } catch {
      throw .unexpectedEntry(path: folder, reason: "cannot be imported: \(error)")
    }
  }

  // MARK: Publishing

  /// Brings a folder to its place and runs `enter` in the transaction that
  /// makes it count. The copy was made before, so that writers wait for no
  /// copying. The folders of what it replaces are removed after it.
  func publish<T>(
    _ candidate: Candidate, as name: String,
    enter: (_ stored: String, Database) throws -> (record: T, leftovers: [ManagedFolder])
  ) throws(RegistryError) -> T {
    let (record, leftovers) = try publishedRows(candidate, as: name, enter: enter)
    // The new one counts already. A folder that cannot be removed stays noted: `verify` reports it, and `repair`
    // removes it.
    for leftover in leftovers { try? finishRemoval(of: leftover) }
    return record
  }

  private func publishedRows<T>(
    _ candidate: Candidate, as name: String, enter: (_ stored: String, Database) throws -> T
  ) throws(RegistryError) -> T {
    guard let publication = candidate.publication else {
      return try storage.write { db in try enter(place.stored(candidate.source), db) }
    }
    var published: ManagedFolder?
    do throws(RegistryError) {
      return try Drafts.publishing { () throws(RegistryError) in
        try storage.write { db in
          let folder = try freePlace(for: name, db)
          try publication.publish(as: folder)
          published = folder
          return try enter(folder.stored, db)
        }
      }
    } catch {
      publication.withdraw(from: published)
      throw error
    }
  }

  /// A folder of the registry's own that nothing has, called `name` if possible.
  private func freePlace(for name: String, _ db: Database) throws -> ManagedFolder {
    let home = try AdaptersFolder(changing: place)
    for number in 1...Int.max {
      guard let folder = ManagedFolder(name: name + (number == 1 ? "" : "-\(number)")) else { break }
      if home.has(folder) { continue }
      if try !db.has("folder", where: "path = ?", [folder.stored]),
        try !db.has("pendingRemoval", where: "path = ?", [folder.stored])
      {
        return folder
      }
    }
    throw RegistryError.nameTaken(kind: .adapter, name: name, model: nil)
  }

  // MARK: Rows

  func requireBase(
    _ name: String, _ description: AdapterDescription, is model: ItemKey, force: Bool, _ db: Database
  ) throws {
    guard !force, let wanted = description.baseDigest else { return }
    let row = try Row.fetchOne(db, sql: "SELECT id, digest FROM folder WHERE id = ?", arguments: [model.folderId])
    guard let found = try row.map({ try RowReader($0, of: "folder").digest("digest") }), found != wanted else { return }
    throw RegistryError.wrongBase(adapter: name, madeFor: wanted, model: model.name, found: found)
  }

  /// Enters the row of an adapter, its tags, and how it was trained.
  func enter(
    _ description: AdapterDescription, named name: String, of model: ItemKey, in folderId: Int64,
    from source: String, _ db: Database
  ) throws {
    let now = Date()
    var row = AdapterRow(
      id: nil, modelId: model.id, name: name, folderId: folderId, description, source: place.stored(source),
      created: now, changed: now)
    try row.insert(db)
    let id = row.id ?? db.lastInsertedRowID
    for tag in Set(description.tags) { try AdapterTagRow(adapterId: id, tag: tag).insert(db) }
    try enterHistory(of: description, id, db)
  }

  private func enter(
    _ description: FusionDescription, of members: [ItemKey], named name: String, of model: ItemKey,
    in folderId: Int64, from source: String, _ db: Database
  ) throws {
    let now = Date()
    var row = FusionRow(
      id: nil, modelId: model.id, name: name, folderId: folderId, configuration: description.configuration,
      parameterCount: description.parameterCount, headKind: description.head?.kind,
      headLabels: description.head?.labels, notes: description.notes,
      source: description.source ?? place.stored(source), created: now, changed: now)
    try row.insert(db)
    let id = row.id ?? db.lastInsertedRowID
    for (position, member) in members.enumerated() {
      try FusionMemberRow(fusionId: id, position: position, adapterId: member.id).insert(db)
    }
  }
}

/// A folder that is to be registered: a copy of it, or the folder itself where it lies among the adapters already.
struct Candidate {
  /// The absolute path of what is imported.
  let source: String
  let contents: FolderContents
  /// The copy; nil for a folder that lies in the folder of adapters.
  let publication: Publication?

  init(_ folder: String, files: [String]?, for registry: Registry) throws(RegistryError) {
    try registry.requireWriting()
    source = FilePaths.absolute(folder)
    if let managed = ManagedFolder(stored: registry.place.stored(source)) {
      // Every file of such a folder counts, and a link would lead out of it.
      guard try AdaptersFolder(reading: registry.place)?.folder.kind(of: managed.name) == .folder else {
        throw .unexpectedEntry(path: source, reason: "is not a folder")
      }
      (contents, publication) = (try FolderContents(of: source), nil)
    } else {
      let publication = try Publication(of: source, files: files, in: AdaptersFolder(changing: registry.place))
      (contents, self.publication) = (publication.contents, publication)
    }
  }

  /// Runs `describe` on exactly what will be registered.
  ///
  /// - Throws: ``RefusedFolder``; ``RegistryError/unexpectedEntry(path:reason:)`` for a folder that changes meanwhile.
  func described<T>(_ describe: (String) throws -> T) throws -> T {
    let copy = publication?.path ?? source
    let value: T
    do { value = try describe(copy) } catch {
      throw RefusedFolder(path: source, copy: copy, error)
    }
    if publication == nil, try FolderContents(of: source) != contents {
      throw RegistryError.unexpectedEntry(path: source, reason: "was changed while it was read")
    }
    return value
  }

  func end() { publication?.end() }
}

/// Why a folder was not imported: the words of whoever read its copy, with the folder's own path.
public struct RefusedFolder: Error, CustomStringConvertible {
  /// The folder that was to be imported.
  public let path: String
  /// What was wrong with its copy.
  public let reason: any Error
  public let description: String

  init(path: String, copy: String, _ reason: any Error) {
    (self.path, self.reason) = (path, reason)
    description = "\(reason)".replacingOccurrences(of: copy, with: path)
  }
}
