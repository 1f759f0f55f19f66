internal import AdapterHost
internal import Foundation

extension HostEngine {
  /// The time to list the adapters of a registry; the shape is how many it has.
  ///
  /// The registry, which is made where it is missing, is named in the reply.
  func listing(_ request: Request) throws -> [String: JSONValue] {
    guard let count = Int(request.shape), count > 0 else { throw RequestError.shape(request.shape) }
    let path = "\(checkpoint)/registry-\(count)/registry.sqlite"
    if !FileManager.default.fileExists(atPath: path) { try makeRegistry(at: path, adapters: count) }
    let registry = try Registry.open(path: path, for: .reading)
    guard try registry.adapters().count == count else { throw RequestError.missing("\(path) with \(count) adapters") }
    let samples = try Samples(seconds: request.seconds) { _ = try registry.adapters() }
    return samples.members().merging(["registry": .string(path)]) { $1 }
  }

  /// Adapters with a head of two labels; their folders hold a configuration alone, for listing opens none.
  private func makeRegistry(at path: String, adapters count: Int) throws {
    let folder = URL(filePath: path).deletingLastPathComponent()
    let draft = folder.appendingPathExtension("draft")
    try? FileManager.default.removeItem(at: draft)
    let source = draft.appending(path: "source")
    try FileManager.default.createDirectory(at: source, withIntermediateDirectories: true)
    let configuration = try String(contentsOfFile: checkpoint + "/lora/adapter_config.json", encoding: .utf8)
    try Data(configuration.utf8).write(to: source.appending(path: "adapter_config.json"))
    let registry = try Registry.create(path: draft.appending(path: "registry.sqlite").path)
    let base = try ModelDescription(
      configuration: String(contentsOfFile: checkpoint + "/base/config.json", encoding: .utf8), parameterCount: 0)
    try registry.register(
      modelAt: checkpoint + "/base", as: "base", describedBy: base, files: ["config.json"])
    for index in 0..<count {
      let description = AdapterDescription(
        method: "lora", configuration: configuration, parameterCount: 294_912,
        head: HeadDescription(kind: "classification", labels: ["LABEL_0", "LABEL_1"]),
        tags: index.isMultiple(of: 2) ? ["even"] : [])
      try registry.importAdapter(folder: source.path, as: "adapter-\(index)", describedBy: description)
    }
    let setup = (0..<4).map { "adapter-\($0)" }
    try registry.activate("Parallel(\(setup.joined(separator: ", ")))", using: setup)
    try registry.close()
    try FileManager.default.moveItem(at: draft, to: folder)
  }
}
