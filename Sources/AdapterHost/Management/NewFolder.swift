internal import Foundation

/// A folder that comes into being wholly or not at all.
///
/// Its files are written to a hidden folder beside it, which is then renamed.
/// A process that is stopped before leaves only that hidden folder,
/// `.NAME.….tmp`, which may be deleted.
enum NewFolder {
  /// Makes a folder of what `body` writes into the folder it is handed.
  ///
  /// - Parameter path: where nothing is, or an empty folder; folders above it are made.
  /// - Throws: `WorkspaceError.folderInUse` before `body` runs; what `body` throws.
  static func write(_ path: String, _ body: (String) throws -> Void) throws {
    try check(path)
    let parent = folder(above: path)
    if !parent.isEmpty { try Folders.create(parent) }
    let staging = "\(parent.isEmpty ? "." : parent)/.\(lastPart(of: path)).\(UUID().uuidString).tmp"
    do throws(ModelError) {
      try Folders.create(staging)
    } catch {
      guard case .cannotCreate(_, let reason) = error else { throw error }
      throw ModelError.cannotCreate(folder: path, reason: reason)
    }
    do {
      try body(staging)
      guard rename(staging, path) == 0 else {
        throw ModelError.cannotCreate(folder: path, reason: String(cString: strerror(errno)))
      }
    } catch {
      try? FileManager.default.removeItem(atPath: staging)
      throw error
    }
  }

  /// The same in the place of a folder that may be there, which goes when the new one is whole.
  static func replace(_ path: String, _ body: (String) throws -> Void) throws {
    guard FileManager.default.fileExists(atPath: path) else { return try write(path, body) }
    let parent = folder(above: path)
    let old = "\(parent.isEmpty ? "." : parent)/.\(lastPart(of: path)).\(UUID().uuidString).old"
    let staged = old + ".new"
    try write(staged, body)
    guard rename(path, old) == 0, rename(staged, path) == 0 else {
      throw ModelError.cannotCreate(folder: path, reason: String(cString: strerror(errno)))
    }
    try? FileManager.default.removeItem(atPath: old)
  }

  /// - Throws: `WorkspaceError.folderInUse`, if something is there that is no empty folder.
  static func check(_ path: String) throws {
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw ModelError.cannotCreate(
        folder: path, reason: path.isEmpty ? "its name is empty" : "its name contains a NUL")
    }
    guard FileManager.default.fileExists(atPath: path) else { return }
    let names = try? FileManager.default.contentsOfDirectory(atPath: path)
    guard names?.isEmpty == true else { throw WorkspaceError.folderInUse(path: path) }
  }

  /// Hands `body` an empty folder that is removed afterwards.
  static func temporarily<T>(_ body: (String) throws -> T) throws -> T {
    let path = FileManager.default.temporaryDirectory.path() + "/adapter-host-\(UUID().uuidString)"
    try Folders.create(path)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
  }

  private static func folder(above path: String) -> String {
    let parts = path.split(separator: "/").dropLast().joined(separator: "/")
    return path.hasPrefix("/") ? "/" + parts : parts
  }

  private static func lastPart(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? "" }
}
