internal import Files
import Foundation

/// A folder on its way into the folder of adapters.
///
/// Its files are first copied to a hidden folder beside the place they are
/// for, each forced to the disk; ``publish(as:)`` then renames it. The folder
/// is locked until the publication is let go of, under either name: a folder
/// that nobody holds and that has no row was left by a process that stopped.
struct Publication {
  /// What was copied.
  let contents: FolderContents
  /// Where the copy lies until it is published.
  let path: String

  private let home: AdaptersFolder
  private let name: String
  private let claim: FolderLock

  /// Copies files of a folder.
  ///
  /// - Parameter names: those to take, as far as they are there; nil is all.
  /// - Throws: ``RegistryError/unexpectedEntry(path:reason:)`` for a folder that somebody changes meanwhile.
  init(of source: String, files names: [String]?, in home: AdaptersFolder) throws(RegistryError) {
    let folder = try FolderContents.opened(source)
    let files = try FolderContents.files(in: folder, chosen: names, mayBeMissing: true)
    try home.requireRoom(for: files.reduce(0) { $0 + $1.file.stamp.size })
    let name = AdaptersFolder.incoming + UUID().uuidString
    (self.home, self.name, path) = (home, name, "\(home.folder.path)/\(name)")
    do {
      // Who asks whether a folder is held keeps `home` to itself meanwhile, and
      // so never sees this one between made and claimed.
      (claim, contents) = try onFiles { () throws(FileError) in
        let making = try FolderLock(on: home.folder, .shared, waiting: RegistryConnection.patience)
        let staging = try home.folder.makeDraft(name)
        let claim = try FolderLock(on: staging, .exclusive)
        making.release()
        return (claim, try Self.copy(files, of: folder, to: staging))
      }
    } catch {
      try? home.folder.remove(name)
      home.folder.forgetDraft(name)
      throw error
    }
  }

  private static func copy(
    _ files: [(name: String, file: ReadFile)], of source: OpenFolder, to staging: OpenFolder
  ) throws(FileError) -> FolderContents {
    var records: [FileRecord] = []
    for (name, file) in files {
      var hash = ContentHasher()
      // A private file stays private.
      try staging.write(name, mode: file.stamp.mode & 0o666 | 0o600) { (output) throws(FileError) in
        try file.read { (piece) throws(FileError) in
          hash.update(piece)
          guard hash.count <= file.stamp.size else { throw changed(file) }
          try output.append(piece)
        }
      }
      records.append(FileRecord(name: name, byteCount: hash.count, digest: hash.digest))
    }
    for (name, file) in files where !file.isUnchanged(as: name, in: source) { throw changed(file) }
    try staging.sync()
    return FolderContents(files: records)
  }

  private static func changed(_ file: ReadFile) -> FileError {
    .unexpected(path: file.path, reason: "was changed while it was copied; import it when nobody writes it")
  }

  /// Gives the folder its name.
  func publish(as managed: ManagedFolder) throws(RegistryError) {
    try onFiles { () throws(FileError) in try home.folder.rename(name, to: managed.name) }
  }

  /// Takes the folder away again, wherever it has got to.
  func withdraw(from managed: ManagedFolder?) {
    if let managed { try? home.remove(managed) }
    end()
  }

  /// Takes the copy away, unless it was published.
  func end() {
    try? home.removeHidden(name)
    home.folder.forgetDraft(name)
  }
}

extension AdaptersFolder {
  /// Refuses a copy that the disk has no room for before it is begun.
  fileprivate func requireRoom(for byteCount: Int) throws(RegistryError) {
    if let free = folder.freeBytes, free < byteCount { throw .diskFull(path: folder.path) }
  }
}
