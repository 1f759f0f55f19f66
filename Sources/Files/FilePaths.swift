import FoundationEssentials
import Glibc

/// Paths as texts.
public enum FilePaths {
  /// The path from the root, without `.`, `..` and doubled slashes. Links stay as they are.
  public static func absolute(_ path: String) -> String {
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
  public static func resolved(_ path: String) -> String? {
    guard !path.utf8.contains(0), let pointer = realpath(path, nil) else { return nil }
    defer { free(pointer) }
    return String(cString: pointer)
  }

  /// The folder that a path lies in; `.` for a name alone.
  public static func parent(of path: String) -> String {
    let parts = path.split(separator: "/").dropLast().joined(separator: "/")
    return path.hasPrefix("/") ? "/" + parts : parts.isEmpty ? "." : parts
  }

  /// The last name of a path.
  public static func lastPart(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? "" }

  /// What follows `folder` in `path`, if the path lies in that folder. Both are absolute.
  public static func part(of path: String, inside folder: String) -> String? {
    let start = folder == "/" ? "/" : folder + "/"
    return path.hasPrefix(start) && path.utf8.count > start.utf8.count
      ? String(decoding: path.utf8.dropFirst(start.utf8.count), as: UTF8.self) : nil
  }

  /// Whether a text names an entry of a folder: not empty, one part, neither `.` nor `..`.
  public static func isName(_ text: String) -> Bool {
    !text.isEmpty && text != "." && text != ".." && !text.utf8.contains(UInt8(ascii: "/")) && !text.utf8.contains(0)
      && text.utf8.count <= 255
  }
}
