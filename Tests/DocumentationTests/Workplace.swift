import Foundation
import TestSupport

/// A folder that holds what the articles' examples name: the embedded model and its adapters.
///
/// `here("Models/x")` is the path of `"Models/x"` in it.
struct Workplace {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    for name in ["Models", "Adapters"] {
      // A link is followed: what the tests write stays in this folder.
      let source = Fixtures.root.appending(path: name).resolvingSymlinksInPath()
      try FileManager.default.copyItem(atPath: source.path, toPath: folder.path(name))
    }
  }

  func callAsFunction(_ path: String) -> String { folder.path(path) }

  func contains(_ path: String) -> Bool { FileManager.default.fileExists(atPath: self(path)) }

  /// Every path below the folder, sorted.
  var paths: [String] { get throws { try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted() } }
}
