internal import Files

enum Folders {
  /// Creates a folder and its parents, unless they exist.
  static func create(_ path: String) throws(ModelError) {
    do { try FileSystem.makeFolders(path) } catch { throw .cannotCreate(folder: path, reason: error.reason) }
  }
}
