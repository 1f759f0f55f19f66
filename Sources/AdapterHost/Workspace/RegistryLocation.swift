internal import Foundation

/// The location of the registry.
///
/// The first of these: the given path; `registry.sqlite` in the current folder, if it exists; the file named by the
/// environment variable `ADAPTER_HOST_REGISTRY`; `adapter-host/registry.sqlite` in the user's data folder, which is
/// `XDG_DATA_HOME` or `~/.local/share`.
public struct RegistryLocation: Hashable, Sendable {
  /// The file name in the current folder and in the user's data folder.
  public static let fileName = "registry.sqlite"
  /// The environment variable with the path of a registry.
  public static let variable = "ADAPTER_HOST_REGISTRY"

  /// The path of the registry to use; nil if there is none.
  public let path: String?
  /// The path for a new registry; nil without a home folder.
  public let pathForNew: String?
  /// All paths that were considered, in order.
  public let candidates: [String]

  /// - Parameters:
  ///   - given: a path set by the user; it is used whether it exists or not.
  ///   - environment: variables; nil: those of the process.
  ///   - folder: the current folder; nil: that of the process.
  public init(given: String? = nil, environment: [String: String]? = nil, currentFolder folder: String? = nil) {
    if let given {
      (path, pathForNew, candidates) = (given, given, [given])
      return
    }
    let environment = environment ?? ProcessInfo.processInfo.environment
    let current = folder ?? FileManager.default.currentDirectoryPath
    let here = (current == "/" ? "" : current) + "/" + Self.fileName
    let named = environment[Self.variable].flatMap { $0.isEmpty ? nil : $0 }
    let own = Self.dataFolder(environment).map { $0 + "/adapter-host/" + Self.fileName }
    candidates = [here, named ?? own].compactMap { $0 }
    pathForNew = named ?? own
    if FileManager.default.fileExists(atPath: here) {
      path = here
    } else if named != nil {
      path = named
    } else {
      path = own.flatMap { FileManager.default.fileExists(atPath: $0) ? $0 : nil }
    }
  }

  private static func dataFolder(_ environment: [String: String]) -> String? {
    if let folder = environment["XDG_DATA_HOME"], folder.hasPrefix("/") { return folder }
    return environment["HOME"].flatMap { $0.hasPrefix("/") ? $0 + "/.local/share" : nil }
  }
}

extension Registry {
  /// Opens the registry.
  ///
  /// - Throws: `WorkspaceError.noRegistry`, with the paths considered; `RegistryError`.
  public static func open(at location: RegistryLocation, for access: Access) throws -> Registry {
    guard let path = location.path else { throw WorkspaceError.noRegistry(candidates: location.candidates) }
    return try open(path: path, for: access)
  }

  /// Opens the registry for writing, and closes it after `body`.
  ///
  /// With `creating`, creates a registry if there is none; if `body` throws, it is removed again while still empty.
  public static func edit<T>(
    at location: RegistryLocation, creating: Bool = false, _ body: (Registry) throws -> T
  ) throws -> T {
    guard let path = location.path ?? (creating ? location.pathForNew : nil) else {
      throw WorkspaceError.noRegistry(candidates: location.candidates)
    }
    if creating, !FileManager.default.fileExists(atPath: path) {
      let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
      if !folder.isEmpty { try Folders.create(folder) }
    }
    return try edit(path: path, creating: creating, body)
  }
}

extension Registry {
  /// The base model with the given name or folder; nil: the default one.
  ///
  /// - Throws: `WorkspaceError.noModel`, with similar names; `RegistryError`.
  public func model(nameOrFolder name: String?) throws -> ModelRecord {
    if let name, let record = try model(in: name) { return record }
    do throws(RegistryError) {
      return try model(named: name)
    } catch {
      guard case .unknown(_, let name, _, let nearest) = error else { throw error }
      throw WorkspaceError.noModel(name: name, registry: path, nearest: nearest)
    }
  }

  /// The base model registered for a folder.
  func model(in folder: String) throws -> ModelRecord? {
    guard FileManager.default.fileExists(atPath: folder) else { return nil }
    func resolved(_ path: String) -> String { URL(filePath: path).standardizedFileURL.resolvingSymlinksInPath().path() }
    let wanted = resolved(folder)
    return try models().first { resolved($0.path) == wanted }
  }
}
