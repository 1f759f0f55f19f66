import Foundation
import GRDB

extension Registry {
  /// Copies an adapter's folder into the folder of adapters and enters it.
  ///
  /// The folder that it gets is called like the adapter, or like the adapter
  /// with a number where that name is in use. A folder that lies directly in
  /// the folder of adapters already, and that the registry does not know, is
  /// entered where it is.
  ///
  /// - Parameters:
  ///   - folder: what to import. It is left as it is.
  ///   - name: what to call the adapter.
  ///   - model: its base model.
  ///   - description: what its files say.
  ///   - files: the names of the files to take, if not all.
  ///   - force: takes an adapter that was made for another base model.
  /// - Throws: ``RegistryError/wrongBase(adapter:madeFor:model:found:)``;
  ///   ``RegistryError/nameTaken(kind:name:model:)``; others for files that
  ///   cannot be copied. Nothing is changed then.
  @discardableResult
  public func importAdapter(
    folder: String, as name: String, of model: String? = nil, describedBy description: AdapterDescription,
    files: [String]? = nil, force: Bool = false
  ) throws(RegistryError) -> AdapterRecord {
    try storage.requireWriting()
    let name = try ItemName(name, for: .adapter).text
    try description.check()
    try storage.read { db in
      try requireAcceptable(name, description, for: modelRow(db, named: model), force: force, db)
    }
    return try publish(folder, as: name, files: files) { contents, stored, db in
      let model = try modelRow(db, named: model)
      try requireAcceptable(name, description, for: model, force: force, db)
      let folderId = try enter(contents, at: stored, db)
      try enter(description, named: name, of: model, in: folderId, from: folder, db)
      try note(.importAdapter, model: model.name, subject: name, detail: contents.digest.text, db)
      return try adapterRecord(db, name, of: model)
    }
  }

  /// Copies a fusion's folder into the folder of adapters and enters it, as
  /// ``importAdapter(folder:as:of:describedBy:files:force:)`` does.
  @discardableResult
  public func importFusion(
    folder: String, as name: String, of model: String? = nil, describedBy description: FusionDescription,
    files: [String]? = nil
  ) throws(RegistryError) -> FusionRecord {
    try storage.requireWriting()
    let name = try ItemName(name, for: .fusion).text
    try description.check()
    try storage.read { db in try requireAcceptable(fusion: name, description, for: modelRow(db, named: model), db) }
    return try publish(folder, as: name, files: files) { contents, stored, db in
      let model = try modelRow(db, named: model)
      try requireAcceptable(fusion: name, description, for: model, db)
      let folderId = try enter(contents, at: stored, db)
      try enter(description, named: name, of: model, in: folderId, from: folder, db)
      try note(.importFusion, model: model.name, subject: name, detail: contents.digest.text, db)
      return try fusionRecord(db, name, of: model)
    }
  }

  // MARK: Publishing

  /// Brings a folder to its place and runs `enter` in the transaction that
  /// makes it count. The copy is made before, so that writers wait for no
  /// copying.
  private func publish<T>(
    _ folder: String, as name: String, files: [String]?,
    enter: (FolderContents, _ stored: String, Database) throws -> T
  ) throws(RegistryError) -> T {
    let source = FileSystem.absolute(folder)
    if place.managedName(place.stored(source)) != nil {
      if let files {
        throw .badValue(what: "a choice of files (\(files.joined(separator: ", ")))", reason: Self.wholeFolders)
      }
      let contents = try FolderContents(of: source)
      return try storage.write { db in try enter(contents, place.stored(source), db) }
    }
    let publication = try Publication(of: source, files: files, in: place.adapters)
    // Until the rows are there, its lock says that the folder is no stray one.
    defer { withExtendedLifetime(publication) {} }
    var published: String?
    do {
      return try storage.write { db in
        let stored = try freePlace(for: name, db)
        try publication.publish(as: place.absolute(stored))
        published = place.absolute(stored)
        return try enter(publication.contents, stored, db)
      }
    } catch {
      publication.withdraw(from: published)
      throw error
    }
  }

  private static let wholeFolders = "the folder lies in the folder of adapters, where every file counts"

  /// A path in the folder of adapters that nothing has, called `name` if
  /// possible.
  private func freePlace(for name: String, _ db: Database) throws -> String {
    for number in 1...Int.max {
      let stored = "\(RegistryPlace.adaptersName)/\(name)" + (number == 1 ? "" : "-\(number)")
      if FileSystem.exists(place.absolute(stored)) { continue }
      if try FolderRow.filter(Column("path") == stored).isEmpty(db),
        try PendingRemovalRow.filter(Column("path") == stored).isEmpty(db)
      {
        return stored
      }
    }
    throw RegistryError.nameTaken(kind: .adapter, name: name, model: nil)
  }

  // MARK: Rows

  private func requireAcceptable(
    _ name: String, _ description: AdapterDescription, for model: BaseModelRow, force: Bool, _ db: Database
  ) throws {
    try requireFree(name, for: .adapter, of: model, db)
    guard !force, let wanted = description.baseDigest else { return }
    guard let folder = try FolderRow.fetchOne(db, key: model.folderId), folder.digest != wanted else { return }
    throw RegistryError.wrongBase(adapter: name, madeFor: wanted, model: model.name, found: folder.digest)
  }

  private func requireAcceptable(
    fusion name: String, _ description: FusionDescription, for model: BaseModelRow, _ db: Database
  ) throws {
    _ = try adapterRows(db, named: description.adapters, of: model)
    try requireFree(name, for: .fusion, of: model, db)
    // A composition names a fusion by its adapters.
    if let other = try fusionRecords(db, of: model).first(where: { $0.adapters == description.adapters }) {
      throw RegistryError.badValue(
        what: "the fusion", reason: "'\(other.name)' joins the same adapters; remove that one first")
    }
  }

  /// Enters the row of an adapter and its tags.
  func enter(
    _ description: AdapterDescription, named name: String, of model: BaseModelRow, in folderId: Int64,
    from source: String, _ db: Database
  ) throws {
    guard let modelId = model.id else { return }
    let now = Date()
    var row = AdapterRow(
      id: nil, modelId: modelId, name: name, folderId: folderId, method: description.method,
      configuration: description.configuration, parameterCount: description.parameterCount,
      baseDigest: description.baseDigest, headKind: description.head?.kind, headLabels: description.head?.labels,
      metrics: description.metrics, notes: description.notes,
      source: description.source ?? place.stored(source), created: now, changed: now)
    try row.insert(db)
    guard let id = row.id else { return }
    for tag in Set(description.tags) { try AdapterTagRow(adapterId: id, tag: tag).insert(db) }
  }

  private func enter(
    _ description: FusionDescription, named name: String, of model: BaseModelRow, in folderId: Int64,
    from source: String, _ db: Database
  ) throws {
    guard let modelId = model.id else { return }
    let now = Date()
    var row = FusionRow(
      id: nil, modelId: modelId, name: name, folderId: folderId, configuration: description.configuration,
      parameterCount: description.parameterCount, headKind: description.head?.kind,
      headLabels: description.head?.labels, notes: description.notes,
      source: description.source ?? place.stored(source), created: now, changed: now)
    try row.insert(db)
    guard let id = row.id else { return }
    for (position, member) in try adapterRows(db, named: description.adapters, of: model).enumerated() {
      guard let adapterId = member.id else { continue }
      try FusionMemberRow(fusionId: id, position: position, adapterId: adapterId).insert(db)
    }
  }
}
