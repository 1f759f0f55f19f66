public import Files
import Foundation
import GRDB

/// Something that is not as the registry says.
public enum Finding: Hashable, Sendable, Codable {
  /// The database contradicts itself.
  case damagedDatabase(reason: String)
  /// The folder of a row is not there.
  case missingFolder(owner: Owner, path: String)
  /// A file of a folder is not there.
  case missingFile(owner: Owner, path: String)
  /// A file holds other bytes than when it was entered.
  case changedFile(owner: Owner, path: String, recorded: ContentDigest, found: ContentDigest)
  /// A published folder holds a file that was not entered.
  case addedFile(owner: Owner, path: String)
  /// A file or folder cannot be read.
  case unreadable(owner: Owner, path: String, reason: String)
  /// The folder of adapters holds a folder that no row is about.
  case strayFolder(path: String)
  /// An import that was stopped left its copy.
  case abandonedImport(path: String)
  /// A removal was stopped before the folder was gone.
  case unfinishedRemoval(path: String)
  /// The registry notes for removal what is not its own to remove.
  case unusableNote(path: String)

  /// What it is about; nil for what belongs to nothing.
  public var owner: Owner? {
    switch self {
    case .missingFolder(let owner, _), .missingFile(let owner, _), .changedFile(let owner, _, _, _),
      .addedFile(let owner, _), .unreadable(let owner, _, _):
      owner
    case .damagedDatabase, .strayFolder, .abandonedImport, .unfinishedRemoval, .unusableNote: nil
    }
  }
}

extension Finding: CustomStringConvertible {
  public var description: String {
    switch self {
    case .damagedDatabase(let reason): "the database is damaged: \(reason)"
    case .missingFolder(let owner, let path): "the folder of \(owner) is missing: '\(path)'"
    case .missingFile(let owner, let path): "a file of \(owner) is missing: '\(path.escapedForDisplay)'"
    case .changedFile(let owner, let path, let recorded, let found):
      "a file of \(owner) has changed: '\(path.escapedForDisplay)' had digest \(recorded.short) and has \(found.short)"
    case .addedFile(let owner, let path):
      "the folder of \(owner) has a file that was not entered: '\(path.escapedForDisplay)'"
    case .unreadable(let owner, _, let reason): "\(owner) cannot be checked: \(reason)"
    case .strayFolder(let path): "nothing registered has the folder '\(path.escapedForDisplay)'"
    case .abandonedImport(let path): "an import that was stopped left '\(path.escapedForDisplay)'"
    case .unfinishedRemoval(let path): "a removal that was stopped left '\(path.escapedForDisplay)'"
    case .unusableNote(let path):
      "the registry notes '\(path.excerpt)' for removal, which is not a separate folder that nothing needs"
    }
  }
}

extension Registry {
  /// Hashes every file again and looks for what is not as it was entered.
  ///
  /// Nothing is changed. What another process adds or removes meanwhile is
  /// no finding.
  ///
  /// - Parameter progress: is called before each folder.
  public func verify(progress: (Owner) -> Void = { _ in }) throws(RegistryError) -> [Finding] {
    var findings = try storage.read { db in
      try faults(db).filter { !$0.hasPrefix("a row of 'pendingRemoval'") }.map { Finding.damagedDatabase(reason: $0) }
    }
    let known = try storage.read { db in try knownFolders(db) }
    findings += known.faults.map { .damagedDatabase(reason: "\($0)") }
    findings += known.notes.unusable.map { .unusableNote(path: $0.text) }
    var aboutFolders: [(folder: KnownFolder, finding: Finding)] = []
    for folder in known.folders {
      progress(folder.owner)
      aboutFolders += check(folder).map { (folder, $0) }
    }
    let names = Set((known.folders.compactMap { ManagedFolder(stored: $0.stored) } + known.notes.folders).map(\.name))
    let left = try AdaptersFolder(reading: place)?.leftovers(except: names) ?? []
    // Read after nobody was seen to hold them: what was being imported before is entered by now.
    let now = try storage.read { db in try knownFolders(db, withFiles: false) }
    let home = try AdaptersFolder(reading: place)
    let unchanged = Set(now.folders.map(\.identity))
    findings += aboutFolders.filter { unchanged.contains($0.folder.identity) }.map(\.finding)
    let entered = Set((now.folders.compactMap { ManagedFolder(stored: $0.stored) } + now.notes.folders).map(\.name))
    for name in left where !entered.contains(name) && home?.folder.kind(of: name) != nil {
      let path = "\(place.adapters)/\(name)"
      findings.append(
        name.hasPrefix(AdaptersFolder.incoming)
          ? .abandonedImport(path: path)
          : name.hasPrefix(AdaptersFolder.outgoing) ? .unfinishedRemoval(path: path) : .strayFolder(path: path))
    }
    findings += known.notes.folders.filter(now.notes.folders.contains).map {
      .unfinishedRemoval(path: place.absolute($0.stored))
    }
    return findings
  }

  // MARK: The database

  struct KnownFolder {
    /// What a folder was when it was read: it is compared later.
    struct Identity: Hashable { let id: Int64, stored: String, digest: ContentDigest }

    let identity: Identity
    let owner: Owner
    let files: [FileRecord]

    var stored: String { identity.stored }
  }

  struct KnownFolders {
    var folders: [KnownFolder] = []
    /// Rows that cannot be read.
    var faults: [RowFault] = []
    var notes = PendingNotes()
  }

  /// The folders that are noted for removal.
  struct PendingNotes {
    /// Those that may be removed.
    var folders: [ManagedFolder] = []
    /// What is noted, but is not the registry's to remove, or belongs to a row.
    var unusable: [(value: DatabaseValue, text: String)] = []
  }

  /// - Parameter withFiles: whether the files of each folder are read, too.
  func knownFolders(_ db: Database, withFiles: Bool = true) throws -> KnownFolders {
    var known = KnownFolders(notes: try pendingNotes(db))
    let rows = try Row.fetchCursor(db, sql: Self.ownerQuery + " ORDER BY owner.model, owner.name")
    while let row = try rows.next() {
      do {
        let reader = RowReader(row, of: "folder")
        let identity = KnownFolder.Identity(
          id: try reader.key("id"), stored: try reader.path("path"), digest: try reader.digest("digest"))
        known.folders.append(
          KnownFolder(
            identity: identity, owner: try Owner(reader),
            files: withFiles ? try fileRecords(db, of: identity.id) : []))
      } catch let fault as RowFault { known.faults.append(fault) }
    }
    return known
  }

  func pendingNotes(_ db: Database) throws -> PendingNotes {
    var notes = PendingNotes()
    for value in try DatabaseValue.fetchAll(db, sql: "SELECT path FROM pendingRemoval ORDER BY path LIMIT 100000") {
      let text = String.fromDatabaseValue(value)
      if let folder = text.flatMap(ManagedFolder.init(stored:)),
        try !db.has("folder", where: "path = ?", [folder.stored])
      {
        notes.folders.append(folder)
      } else {
        notes.unusable.append((value, text ?? "bytes that are not text"))
      }
    }
    return notes
  }

  // MARK: Folders

  private func check(_ folder: KnownFolder) -> [Finding] {
    let (path, owner) = (place.absolute(folder.stored), folder.owner)
    guard FileSystem.kind(of: path) == .folder else { return [.missingFolder(owner: owner, path: path)] }
    let isOwn = ManagedFolder(stored: folder.stored) != nil
    do throws(FileError) {
      var findings: [Finding] = []
      let contents = try OpenFolder(path, followsLinks: !isOwn)
      for file in folder.files {
        let filePath = "\(path)/\(file.name)"
        switch contents.kind(of: file.name) {
        case nil: findings.append(.missingFile(owner: owner, path: filePath))
        case .link where isOwn:
          findings.append(.unreadable(owner: owner, path: filePath, reason: "'\(filePath)' is a link"))
        default:
          do throws(FileError) {
            var hash = ContentHasher()
            try contents.file(file.name).read { (piece) throws(FileError) in hash.update(piece) }
            guard hash.digest != file.digest else { continue }
            findings.append(
              .changedFile(owner: owner, path: filePath, recorded: file.digest, found: hash.digest))
          } catch {
            findings.append(.unreadable(owner: owner, path: filePath, reason: RegistryError(error).clause))
          }
        }
      }
      guard isOwn else { return findings }
      let names = Set(folder.files.map(\.name))
      for name in try contents.names() where !name.hasPrefix(".") && !names.contains(name) {
        findings.append(.addedFile(owner: owner, path: "\(path)/\(name)"))
      }
      return findings
    } catch {
      return [.unreadable(owner: owner, path: path, reason: RegistryError(error).clause)]
    }
  }
}
