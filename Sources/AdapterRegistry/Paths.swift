import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension FileSystem {
  /// The path from the root, without `.`, `..` and doubled slashes. Links
  /// stay as they are.
  static func absolute(_ path: String) -> String {
    let start = path.hasPrefix("/") ? "" : FileManager.default.currentDirectoryPath
    var parts: [Substring] = []
    for part in "\(start)/\(path)".split(separator: "/") {
      switch part {
      case ".": continue
      case "..": _ = parts.popLast()
      default: parts.append(part)
      }
    }
    return "/" + parts.joined(separator: "/")
  }

  /// The path with every link resolved; nil if nothing lies there.
  static func resolved(_ path: String) -> String? {
    guard let pointer = realpath(path, nil) else { return nil }
    defer { free(pointer) }
    return String(cString: pointer)
  }

  static func parent(of path: String) -> String {
    let parts = path.split(separator: "/").dropLast()
    return "/" + parts.joined(separator: "/")
  }

  static func lastPart(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? "" }

  /// The rest of `path` after `folder`, if it lies in it.
  static func part(of path: String, inside folder: String) -> String? {
    let start = folder == "/" ? "/" : folder + "/"
    guard path.hasPrefix(start), path.utf8.count > start.utf8.count else { return nil }
    return String(path.utf8.dropFirst(start.utf8.count))
  }
}

/// Where a registry keeps its things, and how it writes their paths down.
struct RegistryPlace: Hashable, Sendable {
  /// The absolute path of the database.
  let path: String

  init(path: String) { self.path = FileSystem.absolute(path) }

  /// The folder of the database: stored paths count from here.
  var folder: String { FileSystem.parent(of: path) }

  /// The folder that imported adapters are published in.
  var adapters: String { (folder == "/" ? "" : folder) + "/" + Self.adaptersName }

  static let adaptersName = "Adapters"

  /// The path as a row holds it: counted from the registry's folder if it
  /// lies there, from the root if not.
  func stored(_ path: String) -> String {
    let absolute = FileSystem.absolute(path)
    if let inside = FileSystem.part(of: absolute, inside: folder) { return inside }
    if let resolved = FileSystem.resolved(absolute), let home = FileSystem.resolved(folder),
      let inside = FileSystem.part(of: resolved, inside: home)
    {
      return inside
    }
    return absolute
  }

  /// The absolute path of a stored one.
  func absolute(_ stored: String) -> String {
    stored.hasPrefix("/") ? stored : FileSystem.absolute("\(folder)/\(stored)")
  }

  /// The name of a stored path's folder, if it lies directly in the folder
  /// of adapters: only such folders are the registry's to move and remove.
  func managedName(_ stored: String) -> String? {
    let parts = stored.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, parts[0] == Self.adaptersName, !parts[1].isEmpty, parts[1] != ".", parts[1] != ".." else {
      return nil
    }
    return String(parts[1])
  }
}
