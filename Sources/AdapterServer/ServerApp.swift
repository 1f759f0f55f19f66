import AdapterHost
import Foundation
import Logging

/// State shared by all requests.
struct ServerApp: Sendable {
  let service: TextService
  let settings: ServerSettings
  let keys: Keys?
  let adminToken: AdminToken?
  let metrics: ServerMetrics
  let logger: Logger
  /// The number of compute threads.
  let threads: Int
  let connections = Connections()
  /// The folders from which adapters may be loaded, with links resolved.
  private let adapterRoots: [String]

  /// Loads the base model and measures it, which also warms it up.
  ///
  /// - Throws: the errors of loading; `KeyFileError`.
  init(_ settings: ServerSettings, logger: Logger) throws {
    self.settings = settings
    self.logger = logger
    keys = try settings.apiKeys.map { try Keys(file: $0) }
    adminToken = try settings.adminToken.map { try AdminToken(file: $0) }
    let workspace = try Workspace(settings.workspace)
    let metrics = ServerMetrics()
    self.metrics = metrics
    let compute = Compute(threads: settings.threads, precision: settings.precision)
    threads = compute.threads.width
    service = try TextService(
      workspace, compute: compute, limits: settings.limits, workers: settings.workers,
      observer: { metrics.record($0) })
    let beside = RegistryLocation(given: settings.workspace.registry).path.map {
      URL(filePath: $0).deletingLastPathComponent().appending(path: "Adapters").path
    }
    adapterRoots = (settings.adapterRoots + [beside].compactMap { $0 }).map {
      URL(filePath: $0).resolvingSymlinksInPath().path
    }
  }

  /// Resolves a folder named by a client, if adapters may be loaded from there.
  ///
  /// - Throws: `Failure`.
  func allowedFolder(_ path: String) throws(Failure) -> String {
    let candidates = path.hasPrefix("/") ? [path] : adapterRoots.map { $0 + "/" + path }
    for candidate in candidates {
      let resolved = URL(filePath: candidate).resolvingSymlinksInPath().standardizedFileURL.path
      guard adapterRoots.contains(where: { resolved.hasPrefix($0 + "/") }) else { continue }
      if FileManager.default.fileExists(atPath: resolved) { return resolved }
    }
    throw .unknown(
      "No adapter is at '\(path)' below a folder that adapters may be loaded from.", parameter: "lora_path")
  }
}
