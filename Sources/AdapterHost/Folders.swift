internal import Foundation

enum Folders {
  /// Makes a folder, and those above it, where it is missing.
  static func create(_ path: String) throws(ModelError) {
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw .cannotCreate(folder: path, reason: path.isEmpty ? "its name is empty" : "its name contains a NUL")
    }
    var made = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/") {
      made += part
      if mkdir(made, 0o777) != 0 {
        let code = errno
        var isFolder = ObjCBool(false)
        let isThere = FileManager.default.fileExists(atPath: made, isDirectory: &isFolder) && isFolder.boolValue
        guard isThere else { throw .cannotCreate(folder: path, reason: String(cString: strerror(code))) }
      }
      made += "/"
    }
  }
}
