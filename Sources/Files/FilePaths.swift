import FoundationEssentials
import Glibc

/// Operations on path strings.
public enum FilePaths {
  /// The absolute path, without `.`, `..` and duplicate slashes.
  ///
  /// Symbolic links are kept.
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

  /// The path with all symbolic links resolved; nil if it does not exist.
  public static func resolved(_ path: String) -> String? {
    guard !path.utf8.contains(0), let pointer = realpath(path, nil) else { return nil }
    defer { free(pointer) }
    return String(cString: pointer)
  }

  /// The folder that contains the path; `.` for a bare name.
  public static func parent(of path: String) -> String {
    let parts = path.split(separator: "/").dropLast().joined(separator: "/")
    return path.hasPrefix("/") ? "/" + parts : parts.isEmpty ? "." : parts
  }

  /// The last component of a path.
  public static func lastPart(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? "" }

  /// The rest of `path` after `folder`, if it is inside.
  ///
  /// Both are absolute.
  public static func part(of path: String, inside folder: String) -> String? {
    let start = folder == "/" ? "/" : folder + "/"
    return path.hasPrefix(start) && path.utf8.count > start.utf8.count
      ? String(decoding: path.utf8.dropFirst(start.utf8.count), as: UTF8.self) : nil
  }

  /// Whether a text is a valid entry name: not empty, one component, neither `.` nor `..`.
  public static func isName(_ text: String) -> Bool {
    !text.isEmpty && text != "." && text != ".." && !text.utf8.contains(UInt8(ascii: "/")) && !text.utf8.contains(0)
      && text.utf8.count <= 255
  }
}
