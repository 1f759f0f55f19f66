internal import Foundation

enum Folders {
  /// Makes a folder, and those above it, where it is missing.
  static func create(_ path: String) throws(ModelError) {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw .cannotCreate(folder: path, reason: error.localizedDescription)
    }
  }
}
