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

  /// What it is about; nil for what belongs to nothing.
  public var owner: Owner? {
    switch self {
    case .missingFolder(let owner, _), .missingFile(let owner, _), .changedFile(let owner, _, _, _),
      .addedFile(let owner, _), .unreadable(let owner, _, _):
      owner
    case .damagedDatabase, .strayFolder, .abandonedImport, .unfinishedRemoval: nil
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
    var findings = try storage.read(databaseFindings)
    let entries = try FileSystem.kind(of: place.adapters) == .folder ? FileSystem.names(in: place.adapters) : []
    let known = try storage.read(knownFolders)
    var aboutFolders: [(folder: KnownFolder, finding: Finding)] = []
    for folder in known.folders {
      progress(folder.owner)
      aboutFolders += check(folder).map { (folder, $0) }
    }
    let left = try leftovers(among: entries, except: known.stored)
    // Read after nobody was seen to hold them: what was being imported before is entered by now.
    let now = try storage.read(knownFolders)
    let unchanged = Set(now.folders.map(\.identity))
    findings += aboutFolders.filter { unchanged.contains($0.folder.identity) }.map(\.finding)
    let expected = Set(known.folders.map(\.stored)).union(now.stored).union(known.pending)
    findings += left.filter { !expected.contains($0.stored) && FileSystem.exists(place.absolute($0.stored)) }
      .map(\.finding)
    findings += known.pending.filter(now.pending.contains).map { .unfinishedRemoval(path: place.absolute($0)) }
    return findings
  }

  // MARK: The database

  private func databaseFindings(_ db: Database) throws -> [Finding] {
    let faults = try String.fetchAll(db, sql: "PRAGMA integrity_check(20)").filter { $0 != "ok" }
    let orphans = try Row.fetchAll(db, sql: "PRAGMA foreign_key_check").map { row in
      "a row of '\(row["table"] as String)' points to one of '\(row["parent"] as String)' that is not there"
    }
    return (faults + orphans).map { .damagedDatabase(reason: $0) }
  }

  struct KnownFolder {
    /// What a folder was when it was read: it is compared later.
    struct Identity: Hashable { let id: Int64, stored: String, digest: ContentDigest }

    let identity: Identity
    let owner: Owner
    let files: [FileRecord]

    var stored: String { identity.stored }
  }

  struct KnownFolders {
    let folders: [KnownFolder]
    /// The stored paths of folders that are to go.
    let pending: [String]

    /// The stored paths of both.
    var stored: Set<String> { Set(folders.map(\.stored)).union(pending) }
  }

  func knownFolders(_ db: Database) throws -> KnownFolders {
    let rows = try Row.fetchAll(db, sql: Self.ownerQuery + " ORDER BY owner.model, owner.name")
    let files = Dictionary(grouping: try FileRow.order(Column("name")).fetchAll(db), by: \.folderId)
    let folders = try rows.map { row in
      let identity = KnownFolder.Identity(id: row["id"], stored: row["path"], digest: try row.digest("digest"))
      return KnownFolder(identity: identity, owner: Owner(row), files: (files[identity.id] ?? []).map(\.record))
    }
    return KnownFolders(
      folders: folders, pending: try PendingRemovalRow.order(Column("path")).fetchAll(db).map(\.path))
  }

  // MARK: Folders

  private func check(_ folder: KnownFolder) -> [Finding] {
    let (path, owner) = (place.absolute(folder.stored), folder.owner)
    guard FileSystem.kind(of: path) == .folder else { return [.missingFolder(owner: owner, path: path)] }
    var findings: [Finding] = []
    for file in folder.files {
      let filePath = "\(path)/\(file.name)"
      guard FileSystem.exists(filePath) else {
        findings.append(.missingFile(owner: owner, path: filePath))
        continue
      }
      do throws(RegistryError) {
        let (_, found) = try FileSystem.digest(of: filePath)
        if found != file.digest {
          findings.append(.changedFile(owner: owner, path: filePath, recorded: file.digest, found: found))
        }
      } catch {
        findings.append(.unreadable(owner: owner, path: filePath, reason: "\(error.clause)"))
      }
    }
    guard place.managedName(folder.stored) != nil else { return findings }
    do throws(RegistryError) {
      let names = Set(folder.files.map(\.name))
      for name in try FileSystem.names(in: path) where !name.hasPrefix(".") && !names.contains(name) {
        findings.append(.addedFile(owner: owner, path: "\(path)/\(name)"))
      }
    } catch {
      findings.append(.unreadable(owner: owner, path: path, reason: "\(error.clause)"))
    }
    return findings
  }

  /// The folders in the folder of adapters that may belong to nothing, with
  /// their stored paths.
  private func leftovers(
    among entries: [String], except known: Set<String>
  ) throws(RegistryError) -> [(stored: String, finding: Finding)] {
    let unknown = entries.filter { name in
      let isOurs = name.hasPrefix(Publication.stagingPrefix) || !name.hasPrefix(".")
      return isOurs && !known.contains("\(RegistryPlace.adaptersName)/\(name)")
    }.map { "\(place.adapters)/\($0)" }.filter { FileSystem.kind(of: $0) == .folder }
    return try Publication.abandoned(unknown, in: place.adapters).map { path in
      let name = FileSystem.lastPart(of: path)
      let isStaging = name.hasPrefix(Publication.stagingPrefix)
      return (
        "\(RegistryPlace.adaptersName)/\(name)", isStaging ? .abandonedImport(path: path) : .strayFolder(path: path)
      )
    }
  }
}
