import Files
import Foundation

@testable import AdapterRegistry

/// A folder of its own for one test, removed when it is let go of.
final class Scratch: Sendable {
  let path: String

  init() throws {
    path = FilePaths.resolved(NSTemporaryDirectory()).map { "\($0)/registry-\(UUID().uuidString)" } ?? ""
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  var registryPath: String { "\(path)/home/registry.sqlite" }
  var home: String { "\(path)/home" }
  var adapters: String { "\(home)/Adapters" }

  /// The folder of adapters, made if it is missing.
  func adaptersFolder() throws -> AdaptersFolder { try AdaptersFolder(changing: RegistryPlace(path: registryPath)) }

  /// Writes files and returns their folder.
  @discardableResult
  func folder(_ name: String, _ files: [String: String]) throws -> String {
    let folder = "\(path)/\(name)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for (name, text) in files {
      try text.write(toFile: "\(folder)/\(name)", atomically: false, encoding: .utf8)
    }
    return folder
  }

  /// A folder such as an adapter's, whose bytes depend on `seed`.
  @discardableResult
  func adapterFolder(_ name: String, seed: String = "") throws -> String {
    try folder(name, ["adapter_config.json": "{}", "adapter.safetensors": "weights of \(name)\(seed)"])
  }

  /// An empty registry in a folder that holds nothing else.
  func emptyRegistry() throws -> Registry {
    try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
    return try Registry.create(path: registryPath)
  }

  /// A registry with the base model `tiny`, whose folder lies beside it.
  func registry(adapters names: String...) throws -> Registry {
    let registry = try emptyRegistry()
    try registry.register(
      modelAt: folder("home/Models/tiny", ["config.json": "{}", "model.safetensors": "base"]), as: "tiny",
      describedBy: .example)
    for name in names {
      try registry.importAdapter(folder: adapterFolder("from/\(name)"), as: name, describedBy: .example)
    }
    return registry
  }

  /// Every path below the folder, sorted.
  func tree(_ folder: String) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: folder).sorted()
  }
}

extension ModelDescription {
  static let example = ModelDescription(configuration: #"{"model_type": "deberta-v2"}"#, parameterCount: 1000)
}

extension AdapterDescription {
  static let example = AdapterDescription(
    method: "lora", configuration: #"{"architecture": "lora"}"#, parameterCount: 12,
    head: HeadDescription(kind: "classification", labels: ["no", "yes, \"quoted\""]))
}

/// What the body throws, if it is a registry's error.
func failure(of body: () throws -> Void) -> RegistryError? {
  do { try body() } catch { return error as? RegistryError }
  return nil
}

extension String {
  /// A digest that no test folder has.
  static let otherDigest = String(repeating: "ab", count: 32)
}
