internal import Files

enum Folders {
  /// Makes a folder, and those above it, where it is missing.
  static func create(_ path: String) throws(ModelError) {
    do { try FileSystem.makeFolders(path) } catch { throw .cannotCreate(folder: path, reason: error.reason) }
  }
}
