internal import Files
import Foundation
import GRDB

// Folders that go with their rows.
extension Registry {
  /// A row that goes, with its folder.
  struct Removal {
    let kind: ItemKind
    let key: ItemKey
    let model: ItemKey

    init(_ kind: ItemKind, _ key: ItemKey, of model: ItemKey) { (self.kind, self.key, self.model) = (kind, key, model) }

    var table: String { kind == .model ? "baseModel" : kind.rawValue }
  }

  /// Deletes rows and removes their folders, as far as these are the registry's own.
  ///
  /// The rows go first, and the folders are noted as pending: what a process
  /// that is stopped leaves is known to be unwanted. On a full disk, where
  /// the notes find no room, the folders go first and make some.
  ///
  /// - Parameter find: finds the rows, and throws if they may not go.
  func remove(_ find: (Database) throws -> [Removal]) throws(RegistryError) {
    do {
      let leftovers = try storage.write { db in
        try requireSound(db)
        return try forgetNotingFolders(find(db), db)
      }
      for leftover in leftovers { try finishRemoval(of: leftover) }
    } catch {
      guard case .diskFull = error else { throw error }
      try storage.write { db in
        try requireSound(db)
        let removals = try find(db)
        let folders = try removals.compactMap { try ownFolder($0.key.folderId, db) }
        guard !folders.isEmpty,
          try removals.reduce(0, { try $0 + size(ofFolder: $1.key.folderId, db) }) >= Self.roomForChange
        else { throw error }
        let home = try AdaptersFolder(changing: place)
        for folder in folders { try home.removeFirst(folder) }
        try forget(removals, db)
      }
    }
  }

  /// Deletes rows, and notes those of their folders that are the registry's own as pending.
  ///
  /// - Parameter kept: a folder, as it is stored, that gets another row.
  /// - Returns: the folders that were noted.
  func forgetNotingFolders(
    _ removals: [Removal], keeping kept: String? = nil, _ db: Database
  ) throws -> [ManagedFolder] {
    let folders = try removals.compactMap { try ownFolder($0.key.folderId, db) }.filter { $0.stored != kept }
    try forget(removals, db)
    for folder in folders { try PendingRemovalRow(path: folder.stored).insert(db) }
    return folders
  }

  private func forget(_ removals: [Removal], _ db: Database) throws {
    // The setups of a model that goes may use what goes with it.
    for removal in removals where removal.kind == .model {
      try db.execute(sql: "DELETE FROM activeSetup WHERE modelId = ?", arguments: [removal.key.id])
      try db.execute(sql: "DELETE FROM setup WHERE modelId = ?", arguments: [removal.key.id])
    }
    for removal in removals {
      try db.execute(sql: "DELETE FROM \(removal.table) WHERE id = ?", arguments: [removal.key.id])
      try db.execute(sql: "DELETE FROM folder WHERE id = ?", arguments: [removal.key.folderId])
    }
    // What goes with a model is not logged one by one.
    guard let last = removals.last else { return }
    let action: LogAction =
      switch last.kind {
      case .model: .removeModel
      case .fusion: .removeFusion
      default: .removeAdapter
      }
    try note(action, model: last.model.name, subject: last.key.name, db)
  }

  /// About what SQLite's journal of a removal takes, in bytes.
  private static let roomForChange = 128 << 10

  /// The folder of a row, if it is there and the registry's own.
  private func ownFolder(_ id: Int64, _ db: Database) throws -> ManagedFolder? {
    guard let managed = try storedPath(ofFolder: id, db).flatMap(ManagedFolder.init(stored:)) else { return nil }
    return try AdaptersFolder(reading: place)?.has(managed) == true ? managed : nil
  }

  func storedPath(ofFolder id: Int64, _ db: Database) throws -> String? {
    let row = try Row.fetchOne(db, sql: "SELECT id, path FROM folder WHERE id = ?", arguments: [id])
    return try row.map { try RowReader($0, of: "folder").path("path") }
  }

  private func size(ofFolder id: Int64, _ db: Database) throws -> Int {
    let row = try Row.fetchOne(db, sql: "SELECT id, byteCount FROM folder WHERE id = ?", arguments: [id])
    return try row.map { try RowReader($0, of: "folder").integer("byteCount") } ?? 0
  }

  /// Removes a folder that was noted as pending, and then the note. A folder that a row is about stays.
  func finishRemoval(of folder: ManagedFolder) throws(RegistryError) {
    try storage.write { db in
      guard try !db.has("folder", where: "path = ?", [folder.stored]) else { return }
      try AdaptersFolder(changing: place).remove(folder)
      try db.execute(sql: "DELETE FROM pendingRemoval WHERE path = ?", arguments: [folder.stored])
    }
  }

  /// Deletes a row whose folder was removed before, on a full disk.
  func finishRemovalOfRow(of folder: ManagedFolder) throws(RegistryError) {
    try storage.write { db in
      let home = try AdaptersFolder(changing: place)
      if let owner = try owner(ofFolderAt: folder.stored, db), !home.has(folder), owner.kind != .model {
        let model = try modelKey(db, named: owner.model)
        let key =
          try owner.kind == .adapter
          ? adapterKey(db, named: owner.name, of: model) : fusionKey(db, named: owner.name, of: model)
        try forget([Removal(owner.kind, key, of: model)], db)
      }
      try home.removeHidden(AdaptersFolder.outgoing + folder.name)
    }
  }

  // MARK: Replacing

  /// The adapter that a new one of a name replaces.
  ///
  /// - Throws: ``RegistryError/inUse(kind:name:model:by:)`` if it may not go.
  func replaced(adapter name: String, of model: ItemKey, _ db: Database) throws -> [Removal] {
    guard let key = try ItemKey.fetchOne(db, "adapter", where: "modelId = ? AND name = ?", [model.id, name]) else {
      return []
    }
    try requireSound(db)
    try requireUnused(key, of: model, db)
    return [Removal(.adapter, key, of: model)]
  }

  /// The fusions that a new one replaces: the one of its name, and the one of the same adapters.
  func replaced(
    fusion name: String, joining adapters: [String], of model: ItemKey, _ db: Database
  ) throws -> [Removal] {
    let old = try fusionRecords(db, where: "fusion.modelId = ?", [model.id])
      .filter { $0.name == name || $0.adapters == adapters }
    if !old.isEmpty { try requireSound(db) }
    return try old.map { Removal(.fusion, try fusionKey(db, named: $0.name, of: model), of: model) }
  }

  // MARK: Soundness

  /// Refuses to remove anything while the database contradicts itself: what it says of a folder may be wrong.
  func requireSound(_ db: Database) throws {
    guard let reason = try faults(db).first else { return }
    throw RegistryError.damaged(path: path, reason: "\(reason); nothing is removed until that is repaired")
  }

  /// What SQLite finds wrong with the file, as the ends of sentences.
  func faults(_ db: Database) throws -> [String] {
    let faults = try db.names("PRAGMA integrity_check(20)").filter { $0 != "ok" }.map(\.excerptOfFault)
    let rows = try Row.fetchCursor(db, sql: "PRAGMA foreign_key_check")
    var orphans: [String] = []
    while orphans.count < 20, let row = try rows.next() {
      func text(_ column: String) -> String {
        String.fromDatabaseValue(row[column] as DatabaseValue? ?? .null)?.excerpt ?? ""
      }
      orphans.append("a row of '\(text("table"))' points to one of '\(text("parent"))' that is not there")
    }
    return faults + orphans
  }
}

extension String {
  /// SQLite's words for a fault, without the text of a rule.
  fileprivate var excerptOfFault: String {
    let start = "CHECK constraint failed in "
    return hasPrefix(start) ? "a row of '\(dropFirst(start.count).excerpt)' breaks a rule of the table" : excerpt
  }
}
