internal import Foundation

enum Folders {
  /// Makes a folder, and those above it, where it is missing.
  static func create(_ path: String) throws(ModelError) {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      let code = ((error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError)?.code
      throw .cannotCreate(
        folder: path, reason: code.map { String(cString: strerror(Int32($0))) } ?? error.localizedDescription)
    }
  }
}
