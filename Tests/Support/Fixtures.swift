public import Foundation

/// Where the tests' files are, found from this one.
public enum Fixtures {
  /// The package.
  public static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private static let parity = root.appending(path: "Tests/Fixtures/parity")

  /// A tiny encoder with random weights, as a checkpoint folder.
  public static func base(_ name: String) -> String { parity.appending(path: "bases/\(name)").path }

  /// A case of the reference: adapters, inputs, and what it made of them.
  public static func parityCase(_ name: String) -> String { parity.appending(path: "cases/\(name)").path }

  /// The names of all cases.
  public static var parityCases: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: parity.appending(path: "cases").path).sorted() }
  }

  /// A file of `Tests/Fixtures`.
  public static func file(_ path: String) -> URL { root.appending(path: "Tests/Fixtures/\(path)") }
}

/// A folder that lasts as long as the value.
public final class TemporaryFolder: Sendable {
  public let path: String

  public init() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "adapter-host-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The path of a file or folder in it.
  public func path(_ name: String) -> String { path + "/" + name }

  /// Makes a folder in it and returns its path.
  public func folder(_ name: String) throws -> String {
    try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: true)
    return path(name)
  }

  /// Writes a file and returns its path.
  @discardableResult
  public func write(_ text: String, as name: String) throws -> String {
    try Data(text.utf8).write(to: URL(filePath: path(name)))
    return path(name)
  }
}
