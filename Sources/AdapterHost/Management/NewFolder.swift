internal import Files
internal import Foundation

/// A folder that comes into being wholly or not at all.
enum NewFolder {
  /// Makes a folder of what `body` writes into the folder it is handed.
  ///
  /// - Parameter path: where nothing is, or an empty folder; folders above it are made.
  /// - Throws: `WorkspaceError.folderInUse` before `body` runs; what `body` throws.
  static func write(_ path: String, _ body: (String) throws -> Void) throws {
    try check(path)
    try make(path, body) { draft in try draft.publishAsNew() }
  }

  /// The same in place of a folder that may be there: the two are exchanged when the new one is whole.
  static func replace(_ path: String, _ body: (String) throws -> Void) throws {
    try make(path, body) { draft in try draft.publish() }
  }

  private static func make(
    _ path: String, _ body: (String) throws -> Void, publishing: (consuming FolderDraft) throws -> Void
  ) throws {
    do {
      let draft = try FolderDraft(for: path)
      try body(draft.path)
      try publishing(draft)
    } catch let error as FileError {
      throw ModelError.cannotCreate(folder: path, reason: error.reason)
    }
  }

  /// - Throws: `WorkspaceError.folderInUse`, if something is there that is no empty folder.
  static func check(_ path: String) throws {
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw ModelError.cannotCreate(
        folder: path, reason: path.isEmpty ? "its name is empty" : "its name contains a NUL")
    }
    guard FileSystem.exists(path) else { return }
    guard FileSystem.kind(of: path) == .folder, (try? FileSystem.names(in: path).isEmpty) == true else {
      throw WorkspaceError.folderInUse(path: path)
    }
  }

  /// Hands `body` an empty folder that is removed afterwards.
  static func temporarily<T>(_ body: (String) throws -> T) throws -> T {
    let path = FileManager.default.temporaryDirectory.path() + "/adapter-host-\(UUID().uuidString)"
    try Folders.create(path)
    defer { try? FileSystem.remove(path) }
    return try body(path)
  }
}
