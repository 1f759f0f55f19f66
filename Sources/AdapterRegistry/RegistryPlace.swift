internal import Files

/// Where a registry lies, and how paths are stored in it.
struct RegistryPlace: Hashable, Sendable {
  /// The absolute path of the database.
  let path: String

  init(path: String) { self.path = FilePaths.absolute(path) }

  /// The folder of the database: stored paths count from here.
  var folder: String { FilePaths.parent(of: path) }

  /// The folder that imported adapters are published in.
  var adapters: String { absolute(ManagedFolder.home) }

  /// The path as a row holds it: counted from the registry's folder if it
  /// lies there, from the root if not.
  func stored(_ path: String) -> String {
    let absolute = FilePaths.absolute(path)
    if let inside = FilePaths.part(of: absolute, inside: folder) { return inside }
    if let resolved = FilePaths.resolved(absolute), let home = FilePaths.resolved(folder),
      let inside = FilePaths.part(of: resolved, inside: home)
    {
      return inside
    }
    return absolute
  }

  /// The absolute path of a stored one.
  func absolute(_ stored: String) -> String {
    stored.hasPrefix("/") ? stored : FilePaths.absolute("\(folder)/\(stored)")
  }
}

/// A folder directly in the folder of adapters: only such folders are the
/// registry's to move, to replace and to remove.
///
/// There is no other way to get one than from a path of the form
/// `Adapters/NAME` with a name that is not hidden, so that no text in a file
/// leads anywhere else.
struct ManagedFolder: Hashable, Sendable {
  static let home = "Adapters"

  /// The name in the folder of adapters.
  let name: String

  /// Nil for any other path.
  init?(stored path: String) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, parts[0] == Self.home else { return nil }
    self.init(name: String(parts[1]))
  }

  init?(name: String) {
    guard FilePaths.isName(name), !name.hasPrefix(".") else { return nil }
    self.name = name
  }

  /// The path as a row holds it.
  var stored: String { "\(Self.home)/\(name)" }
}
