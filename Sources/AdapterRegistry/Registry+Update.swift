internal import Files
import Foundation
import GRDB

extension Registry {
  /// Puts a new version in the place of an adapter. It has the adapter's name, tags and notes, and acts in its setups;
  /// the version before keeps its folder and gets another name.
  ///
  /// - Parameters:
  ///   - name: the adapter.
  ///   - model: its base model.
  ///   - folder: the new version; it is copied as ``importAdapter(folder:as:of:files:force:replacing:describe:)`` does.
  ///   - files: the names of the files to take.
  ///   - oldName: what to call the version before.
  ///   - describe: reads the new version in the folder at a path.
  /// - Throws: ``RegistryError/inUse(kind:name:model:by:)`` with the fusions that join the adapter, which were trained
  ///   with the version before; as an import does. Nothing is changed then.
  public func updateAdapter(
    _ name: String, of model: String? = nil, from folder: String, files: [String]? = nil, keepingOldAs oldName: String,
    describe: (String) throws -> AdapterDescription
  ) throws -> (new: AdapterRecord, old: AdapterRecord) {
    let oldName = try ItemName(oldName, for: .adapter).text
    let candidate = try Candidate(folder, files: files, for: self)
    defer { candidate.end() }
    let found = try candidate.described(describe)
    try found.check()
    return try publish(candidate, as: name) { stored, db in
      let model = try modelKey(db, named: model)
      let key = try adapterKey(db, named: name, of: model)
      let old = try adapterRecord(db, name, of: model)
      let fusions = try uses(of: key, db).filter { $0.setup == nil }.map(\.name)
      guard fusions.isEmpty else {
        throw RegistryError.inUse(kind: .adapter, name: name, model: model.name, by: fusions)
      }
      try requireFree(oldName, for: .adapter, of: model, db)
      try requireBase(name, found, is: model, force: false, db)
      var description = found
      (description.tags, description.notes) = (old.tags, old.notes)
      let folderId = try enter(candidate.contents, at: stored, db)
      // The row stays, and with it what refers to it.
      try AdapterRow(
        id: key.id, modelId: model.id, name: name, folderId: folderId, description, source: place.stored(folder),
        created: old.created, changed: Date()
      ).update(db)
      for table in ["training", "origin"] {
        try db.execute(sql: "DELETE FROM \(table) WHERE adapterId = ?", arguments: [key.id])
      }
      try enterHistory(of: description, key.id, db)
      try enter(AdapterDescription(old), named: oldName, of: model, in: key.folderId, from: old.source, db)
      try note(.renewAdapter, model: model.name, subject: name, detail: candidate.contents.digest.text, db)
      return ((try adapterRecord(db, name, of: model), try adapterRecord(db, oldName, of: model)), [])
    }
  }

  /// Enters how an adapter was trained and where it was fetched from.
  func enterHistory(of description: AdapterDescription, _ id: Int64, _ db: Database) throws {
    if description.maxLength != nil || description.recipe != nil {
      try TrainingRow(adapterId: id, maxLength: description.maxLength, recipe: description.recipe).insert(db)
    }
    if let origin = description.origin {
      try OriginRow(adapterId: id, address: origin.address, revision: origin.revision).insert(db)
    }
  }
}
