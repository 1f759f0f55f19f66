import Glibc

// Operations through a folder's descriptor.

extension FileSystem {
  /// The names in a folder, sorted by their UTF-8 bytes.
  public static func names(in folder: String) throws(FileError) -> [String] { try OpenFolder(folder).names() }

  /// Removes a file or folder with its contents, if it exists.
  ///
  /// Links are removed, not followed.
  public static func remove(_ path: String) throws(FileError) {
    guard exists(path) else { return }
    try OpenFolder(FilePaths.parent(of: path)).remove(FilePaths.lastPart(of: path))
  }

  /// Syncs a folder's entries to disk.
  public static func sync(folder path: String) throws(FileError) { try OpenFolder(path).sync() }

  /// Renames a file unless the new name is taken.
  ///
  /// - Returns: false, if the name is taken.
  public static func moveExclusively(_ source: String, to target: String) throws(FileError) -> Bool {
    guard link(source, target) == 0 else {
      if errno == EEXIST { return false }
      throw .failed(.create, target)
    }
    unlink(source)
    try sync(folder: FilePaths.parent(of: target))
    return true
  }
}
