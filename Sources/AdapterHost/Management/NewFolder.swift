internal import Files
internal import Foundation

/// Creates folders completely or not at all.
enum NewFolder {
  /// Creates a folder from what `body` writes to a temporary folder.
  ///
  /// - Parameter path: must not exist, or be an empty folder; parents are created.
  /// - Throws: `WorkspaceError.folderInUse` before `body` runs; the errors of `body`.
  static func write(_ path: String, _ body: (String) throws -> Void) throws {
    try check(path)
    try make(path, body) { draft in try draft.publishAsNew() }
  }

  /// Creates or replaces a folder: an existing one is exchanged when the new one is complete.
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

  /// - Throws: `WorkspaceError.folderInUse`, unless the path is free or an empty folder.
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

  /// Calls `body` with an empty folder that is removed afterwards.
  static func temporarily<T>(_ body: (String) throws -> T) throws -> T {
    let path = FileManager.default.temporaryDirectory.path() + "/adapter-host-\(UUID().uuidString)"
    try Folders.create(path)
    defer { try? FileSystem.remove(path) }
    return try body(path)
  }
}
