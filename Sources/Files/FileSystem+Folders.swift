import Glibc

// What is done through the descriptor of a folder.

extension FileSystem {
  /// The names in a folder, in the order of their UTF-8 bytes.
  public static func names(in folder: String) throws(FileError) -> [String] { try OpenFolder(folder).names() }

  /// Removes a file or folder with everything below it, if it is there. Links are removed, not followed.
  public static func remove(_ path: String) throws(FileError) {
    guard exists(path) else { return }
    try OpenFolder(FilePaths.parent(of: path)).remove(FilePaths.lastPart(of: path))
  }

  /// Forces a folder's list of names to the disk.
  public static func sync(folder path: String) throws(FileError) { try OpenFolder(path).sync() }

  /// Gives a file a second name, unless something has it, and takes the first away.
  ///
  /// - Returns: false, if something has the name.
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
