internal import CFiles
import Glibc

/// A folder that is written to a temporary name in its parent, and renamed once it is complete.
///
/// Its files are written to a hidden folder, named `.NAME.….tmp`. ``publish()`` syncs all of it to disk and renames it
/// in one step; an existing folder with that name is exchanged with it, then removed. A process that is killed leaves
/// one or the other, and possibly a hidden folder, which may be deleted.
public struct FolderDraft: ~Copyable {
  /// The path of the hidden folder.
  public let path: String
  private let name: String
  private let parent: OpenFolder
  private let draftName: String

  /// Creates the hidden folder and its parents.
  public init(for path: String) throws(FileError) {
    guard !path.utf8.contains(0), !FilePaths.lastPart(of: path).isEmpty else {
      throw .unexpected(path: path, reason: path.isEmpty ? "is an empty name" : "cannot be a new folder")
    }
    let target = FilePaths.resolved(path) ?? path
    let folder = FilePaths.parent(of: target)
    try FileSystem.makeFolders(folder)
    let parent = try OpenFolder(folder)
    let draft = FileDraft.draftPath(for: target)
    do throws(FileError) { _ = try parent.makeDraft(FilePaths.lastPart(of: draft)) } catch {
      guard case .refused(let operation, _, let code) = error else { throw error }
      throw .refused(operation, path: path, code: code)
    }
    self.init(path: draft, name: FilePaths.lastPart(of: target), in: parent)
  }

  private init(path: String, name: String, in parent: OpenFolder) {
    (self.path, self.name, self.parent) = (path, name, parent)
    draftName = FilePaths.lastPart(of: path)
  }

  deinit {
    // Whatever has this name now: the failed draft, or the replaced folder.
    try? parent.remove(draftName)
    parent.forgetDraft(draftName)
  }

  /// Renames the folder to its destination, which must not exist except as an empty folder.
  ///
  /// - Throws: `FileError`, with `EEXIST` if the name has been taken; the destination is then unchanged.
  public consuming func publishAsNew() throws(FileError) {
    try parent.folder(draftName).syncAll()
    let (parent, name, draftName) = (parent, name, draftName)
    try Drafts.publishing { () throws(FileError) in
      try parent.removeEmptyFolder(name)
      try parent.rename(draftName, to: name)
    }
  }

  /// Renames the folder to its destination, replacing an existing one.
  ///
  /// - Throws: `FileError`; the destination is then unchanged.
  public consuming func publish() throws(FileError) {
    try parent.folder(draftName).syncAll()
    let (parent, name, draftName) = (parent, name, draftName)
    try Drafts.publishing { () throws(FileError) in
      switch parent.kind(of: name) {
      case nil: try parent.rename(draftName, to: name)
      case .folder: try parent.exchange(draftName, with: name)
      default: throw .unexpected(path: parent.entry(name), reason: "is not a folder")
      }
    }
  }
}

extension OpenFolder {
  /// Exchanges the names of two entries in one step, and syncs that to disk.
  ///
  /// On file systems without such a step it takes three, and a failure is rolled back.
  public func exchange(_ name: String, with other: String) throws(FileError) {
    try check(name)
    try check(other)
    if files_exchange(descriptor, name, descriptor, other) != 0 {
      guard [EINVAL, ENOSYS].contains(errno) else { throw .failed(.rename, entry(other)) }
      let aside = FilePaths.lastPart(of: FileDraft.draftPath(for: entry(other)))
      try rename(other, to: aside)
      do throws(FileError) { try rename(name, to: other) } catch {
        try? rename(aside, to: other)
        throw error
      }
      try rename(aside, to: name)
    }
    try sync()
  }
}
