internal import CFiles
import Glibc

/// A folder that is written beside its place and gets its name when it is whole.
///
/// Its files are written to a hidden folder, named `.NAME.….tmp`. ``publish()`` forces all of it to the disk and gives
/// it the name in one step; a folder that had the name before is exchanged with it, and then removed. A process that
/// is killed leaves the one or the other, and perhaps a hidden folder, which may be deleted.
public struct FolderDraft: ~Copyable {
  /// The path of the hidden folder.
  public let path: String
  private let name: String
  private let parent: OpenFolder
  private let draftName: String

  /// Makes the hidden folder, and those above it.
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
    // Whatever has this name now: the draft that failed, or the folder that was replaced.
    try? parent.remove(draftName)
    parent.forgetDraft(draftName)
  }

  /// Gives the folder its name, which nothing has but perhaps an empty folder.
  ///
  /// - Throws: `FileError`, with `EEXIST` if something else came to have the name; the place is then as it was.
  public consuming func publishAsNew() throws(FileError) {
    try parent.folder(draftName).syncAll()
    let (parent, name, draftName) = (parent, name, draftName)
    try Drafts.publishing { () throws(FileError) in
      try parent.removeEmptyFolder(name)
      try parent.rename(draftName, to: name)
    }
  }

  /// Gives the folder its name, instead of a folder that has it.
  ///
  /// - Throws: `FileError`; the place is then as it was.
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
  /// Lets two entries change their names in one step, and forces that to the disk.
  ///
  /// Where the file system knows no such step there are three, and a failure is taken back.
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
