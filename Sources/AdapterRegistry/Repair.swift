public import Files
import Foundation
import GRDB

/// What ``Registry/repair(changed:model:describe:)`` did about a finding.
public struct RepairStep: Hashable, Sendable, Codable, CustomStringConvertible {
  public enum Outcome: Hashable, Sendable, Codable {
    /// A stray folder became an adapter.
    case adopted(adapter: String)
    /// The row points to the folder again, which was found elsewhere.
    case restored(path: String)
    /// The changed files count from now on.
    case renewed(digest: ContentDigest)
    /// The folder was moved out of the way.
    case quarantined(path: String)
    /// What a stopped import or removal left is gone.
    case discarded
    /// A note that cannot be followed was deleted; what it named was not touched.
    case forgotten
    /// Nothing was done.
    case left(reason: String)
  }

  /// What was wrong.
  public let finding: Finding
  /// What was done.
  public let outcome: Outcome

  public var description: String {
    let done =
      switch outcome {
      case .adopted(let adapter): "taken in as the adapter '\(adapter)'"
      case .restored(let path): "found again at '\(path)'"
      case .renewed(let digest): "accepted with digest \(digest.short)"
      case .quarantined(let path): "moved to '\(path)'"
      case .discarded: "removed"
      case .forgotten: "the note was deleted, and nothing else was touched"
      case .left(let reason): "left as it is: \(reason)"
      }
    return "\(finding); \(done)"
  }
}

/// What a repair does with an adapter whose files have changed.
public enum ChangedFolders: String, Hashable, Sendable, Codable, CaseIterable {
  /// Moves the folder out of the way and forgets the adapter.
  case quarantine
  /// Describes it again and takes it as it is.
  case accept
}

extension Registry {
  /// Puts right what ``verify(progress:)`` finds, as far as nothing can be
  /// lost by it.
  ///
  /// Stray folders become adapters or are moved to `Adapters/.quarantine`;
  /// a row whose folder is missing gets it back if a stray folder has the
  /// same content. Only what the registry itself left is removed, and
  /// nothing is touched while the database contradicts itself.
  ///
  /// - Parameters:
  ///   - changed: what to do with an adapter whose files have changed.
  ///   - model: the base model that stray folders are taken in for.
  ///   - describe: reads the adapter in the folder at a path; it throws for
  ///     a folder that holds none.
  public func repair(
    changed: ChangedFolders = .quarantine, model: String? = nil, describe: (String) throws -> AdapterDescription
  ) throws(RegistryError) -> [RepairStep] {
    try storage.requireWriting()
    let notes = try forgetUnusableNotes()
    let findings = try verify()
    let isDamaged = findings.contains { if case .damagedDatabase = $0 { true } else { false } }
    var strays = findings.compactMap { if case .strayFolder(let path) = $0 { path } else { nil } }
    var settled: [Owner: RepairStep.Outcome] = [:]
    var steps = notes
    for finding in findings.sorted(by: { $0.isMissingFolder && !$1.isMissingFolder }) {
      let outcome: RepairStep.Outcome
      switch finding {
      case .damagedDatabase: outcome = .left(reason: "a damaged database is replaced by a copy that is sound")
      case _ where isDamaged: outcome = .left(reason: "the database is damaged")
      case .missingFolder(let owner, let path):
        // Its removal is finished below.
        let removed = "\(place.adapters)/\(AdaptersFolder.outgoing)\(FilePaths.lastPart(of: path))"
        if findings.contains(.unfinishedRemoval(path: removed)) { continue }
        outcome = try restore(owner, from: &strays)
      case .missingFile(let owner, _), .changedFile(let owner, _, _, _), .addedFile(let owner, _),
        .unreadable(let owner, _, _):
        if let known = settled[owner] { outcome = known } else { outcome = try settle(owner, changed, describe) }
        settled[owner] = outcome
      case .strayFolder(let path):
        guard strays.contains(path) else { continue }
        outcome = try adoptOrQuarantine(path, for: model, describe)
      case .abandonedImport(let path):
        try AdaptersFolder(changing: place).removeHidden(FilePaths.lastPart(of: path))
        outcome = .discarded
      case .unfinishedRemoval(let path): outcome = try finishRemoval(at: path)
      case .unusableNote: outcome = .left(reason: "it was made by another program meanwhile")
      }
      steps.append(RepairStep(finding: finding, outcome: outcome))
    }
    return steps
  }

  private func finishRemoval(at path: String) throws(RegistryError) -> RepairStep.Outcome {
    let name = FilePaths.lastPart(of: path)
    if name.hasPrefix(AdaptersFolder.outgoing) {
      guard let folder = ManagedFolder(name: String(name.dropFirst(AdaptersFolder.outgoing.count))) else {
        return .left(reason: "it has no name")
      }
      try finishRemovalOfRow(of: folder)
    } else {
      guard let folder = ManagedFolder(name: name) else { return .left(reason: "it is no folder of the registry") }
      try finishRemoval(of: folder)
    }
    return .discarded
  }

  /// Deletes notes of folders to remove that name anything else than a folder of the registry's own without a row.
  private func forgetUnusableNotes() throws(RegistryError) -> [RepairStep] {
    try storage.write { db in
      try pendingNotes(db).unusable.map { note in
        try db.execute(sql: "DELETE FROM pendingRemoval WHERE path IS ?", arguments: [note.value])
        return RepairStep(finding: .unusableNote(path: note.text), outcome: .forgotten)
      }
    }
  }

  // MARK: Rows without their folder

  private func restore(_ owner: Owner, from strays: inout [String]) throws(RegistryError) -> RepairStep.Outcome {
    guard let folder = try folder(of: owner) else { return .left(reason: "it is gone by now") }
    for (index, path) in strays.enumerated() {
      guard let contents = try? FolderContents(of: path), contents.digest == folder.identity.digest else { continue }
      let stored = place.stored(path)
      try storage.write { db in
        try db.execute(sql: "UPDATE folder SET path = ? WHERE id = ?", arguments: [stored, folder.identity.id])
        try note(.restore, model: owner.model, subject: owner.name, detail: stored, db)
      }
      strays.remove(at: index)
      return .restored(path: path)
    }
    return .left(reason: "put the folder back, or remove \(owner)")
  }

  private func folder(of owner: Owner) throws(RegistryError) -> KnownFolder? {
    try storage.read { db in
      guard let folder = try knownFolders(db, withFiles: false).folders.first(where: { $0.owner == owner }) else {
        return nil
      }
      return KnownFolder(
        identity: folder.identity, owner: owner, files: try fileRecords(db, of: folder.identity.id))
    }
  }

  // MARK: Changed folders

  private func settle(
    _ owner: Owner, _ changed: ChangedFolders, _ describe: (String) throws -> AdapterDescription
  ) throws(RegistryError) -> RepairStep.Outcome {
    guard let folder = try folder(of: owner) else { return .left(reason: "it is gone by now") }
    if changed == .accept { return try renew(owner, folder, describe) }
    guard owner.kind != .model, let managed = ManagedFolder(stored: folder.stored) else {
      return .left(reason: "its folder does not lie in the folder of adapters")
    }
    do {
      try storage.write { db in
        let model = try modelKey(db, named: owner.model)
        if owner.kind == .adapter {
          let key = try adapterKey(db, named: owner.name, of: model)
          try requireUnused(key, of: model, db)
          try db.execute(sql: "DELETE FROM adapter WHERE id = ?", arguments: [key.id])
        } else {
          let key = try fusionKey(db, named: owner.name, of: model)
          try db.execute(sql: "DELETE FROM fusion WHERE id = ?", arguments: [key.id])
        }
        try db.execute(sql: "DELETE FROM folder WHERE id = ?", arguments: [folder.identity.id])
        try note(.quarantine, model: owner.model, subject: owner.name, detail: folder.stored, db)
      }
    } catch {
      guard case .inUse(_, _, _, let users) = error else { throw error }
      return .left(reason: "it is used by \(users.joined(separator: ", "))")
    }
    return .quarantined(path: try AdaptersFolder(changing: place).quarantine(managed))
  }

  /// Takes the files of an adapter or a fusion as they are now, after the caller has changed them.
  ///
  /// - Parameters:
  ///   - kind: an adapter or a fusion.
  ///   - name: its name.
  ///   - model: its base model.
  ///   - describe: reads the adapter in the folder at a path.
  /// - Throws: `RegistryError.unexpectedEntry` with the reason, if the folder cannot be taken.
  public func acceptChanges(
    of kind: ItemKind, named name: String, in model: String, describe: (String) throws -> AdapterDescription
  ) throws(RegistryError) {
    try storage.requireWriting()
    let owner = Owner(kind: kind, name: name, model: model)
    guard let folder = try folder(of: owner) else { return }
    guard case .left(let reason) = try renew(owner, folder, describe) else { return }
    throw .unexpectedEntry(path: place.absolute(folder.stored), reason: reason)
  }

  private func renew(
    _ owner: Owner, _ folder: KnownFolder, _ describe: (String) throws -> AdapterDescription
  ) throws(RegistryError) -> RepairStep.Outcome {
    let path = place.absolute(folder.stored)
    let contents: FolderContents
    var description: AdapterDescription?
    do {
      let names = ManagedFolder(stored: folder.stored) == nil ? folder.files.map(\.name) : nil
      contents = try FolderContents(of: path, files: names)
      if owner.kind == .adapter { description = try describe(path) }
      try description?.check()
      guard try FolderContents(of: path, files: names) == contents else {
        return .left(reason: "it was changed while it was read")
      }
    } catch { return .left(reason: "\(error)") }
    try storage.write { db in
      try renew(contents, of: folder.identity.id, db)
      if let description {
        let key = try adapterKey(db, named: owner.name, of: modelKey(db, named: owner.model))
        let labels = try description.head.map { String(decoding: try JSONEncoder().encode($0.labels), as: UTF8.self) }
        try db.execute(
          sql: """
            UPDATE adapter SET method = ?, configuration = ?, parameterCount = ?, headKind = ?, headLabels = ?, changed = ?
            WHERE id = ?
            """,
          arguments: [
            description.method, description.configuration, description.parameterCount, description.head?.kind, labels,
            Date(), key.id,
          ])
      }
      let action: LogAction =
        switch owner.kind {
        case .model: .renewModel
        case .fusion: .renewFusion
        default: .renewAdapter
        }
      try note(action, model: owner.model, subject: owner.name, detail: contents.digest.text, db)
    }
    return .renewed(digest: contents.digest)
  }

  // MARK: Folders without a row

  private func adoptOrQuarantine(
    _ path: String, for model: String?, _ describe: (String) throws -> AdapterDescription
  ) throws(RegistryError) -> RepairStep.Outcome {
    let name = FilePaths.lastPart(of: path)
    do {
      try importAdapter(folder: path, as: name, of: model) { (name, try describe($0)) }
      try storage.write { db in
        try note(.adopt, model: modelKey(db, named: model).name, subject: name, detail: place.stored(path), db)
      }
      return .adopted(adapter: name)
    } catch let error as RegistryError {
      if error.namesNoModel { return .left(reason: error.clause) }
      guard error.isAboutTheFolder else { throw error }
      return try quarantine(path, because: error.clause)
    } catch { return try quarantine(path, because: "\(error)") }
  }

  private func quarantine(_ path: String, because reason: String) throws(RegistryError) -> RepairStep.Outcome {
    guard let folder = ManagedFolder(name: FilePaths.lastPart(of: path)) else {
      return .left(reason: "it is no folder of the registry")
    }
    let moved = try AdaptersFolder(changing: place).quarantine(folder)
    try storage.write { db in
      try note(
        .quarantine, model: nil, subject: folder.name,
        detail: String(reason.unicodeScalars.prefix(2000).map(Character.init)), db)
    }
    return .quarantined(path: moved)
  }
}

extension Finding {
  fileprivate var isMissingFolder: Bool { if case .missingFolder = self { true } else { false } }
}

extension RegistryError {
  fileprivate var namesNoModel: Bool {
    switch self {
    case .noDefaultModel, .unknown(.model, _, _, _): true
    default: false
    }
  }

  /// Whether the fault lies with the folder, not with the registry.
  fileprivate var isAboutTheFolder: Bool {
    switch self {
    case .badName, .badValue, .file, .unexpectedEntry, .folderTaken, .nameTaken, .wrongBase: true
    default: false
    }
  }
}
