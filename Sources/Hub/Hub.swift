internal import Files
internal import FoundationEssentials

/// The Hugging Face Hub, and archives on the web, as folders.
///
/// ```swift
/// let hub = try Hub()
/// let fetched = try await hub.folder(of: "hf:ORG/NAME") { paths in paths }
/// print(fetched.path)
/// ```
///
/// What was downloaded is kept in the cache that huggingface_hub has, too. A commit that is there is used without a
/// request; with `HF_HUB_OFFLINE` nothing else is.
public struct Hub: Sendable {
  public let settings: HubSettings
  let cache: HubCache
  private let transport: (any WebTransport)?
  private let pause: (@Sendable (Int) async throws -> Void)?

  /// The Hub as the environment describes it.
  ///
  /// - Parameter environment: variables; nil are those of the process.
  /// - Throws: ``HubError/badSetting(name:reason:)``.
  public init(environment: [String: String]? = nil) throws(HubError) {
    let settings = try HubSettings(environment: environment ?? ProcessInfo.processInfo.environment)
    #if Hub
      self.init(settings, NetworkTransport(settings.proxies))
    #else
      self.init(settings, nil)
    #endif
  }

  init(
    _ settings: HubSettings, _ transport: (any WebTransport)?, pause: (@Sendable (Int) async throws -> Void)? = nil
  ) {
    (self.settings, self.transport, self.pause) = (settings, transport, pause)
    cache = HubCache(folder: settings.cache)
  }

  /// Whether a text is an address of the Hub or of an archive on the web, not a folder.
  public static func isAddress(_ text: String) -> Bool { HubAddress.isMeant(by: text) || WebAddress.isMeant(by: text) }

  /// The client; it needs the network.
  func client(for address: String) throws(HubError) -> HubClient {
    guard let transport else { throw .noClient(address) }
    return pause.map { HubClient(settings, transport, pause: $0) } ?? HubClient(settings, transport)
  }

  /// The folder of a repository or an archive on this machine, downloaded if it is not there.
  ///
  /// - Parameters:
  ///   - text: `hf:ORG/NAME`, `hf:ORG/NAME@REV`, or the address of a zip or tar archive.
  ///   - wanted: chooses files of a repository among all paths; none are an error.
  ///   - progress: hears how far a download is.
  /// - Throws: ``HubError``, `FileError`. The cache is then as it was, but for whole files and parts of a file that a
  ///   later download takes up.
  public func folder(
    of text: String, wanted: @Sendable ([String]) -> [String],
    progress: @escaping @Sendable (HubProgress) -> Void = { _ in }
  ) async throws -> FetchedFolder {
    if WebAddress.isMeant(by: text) { return try await archive(at: text, progress: progress) }
    let address = try HubAddress(text)
    if let commit = address.commit ?? (settings.isOffline ? cache.commit(of: address) : nil) {
      if let folder = cached(address, commit, wanted) { return folder }
    }
    if settings.isOffline { throw HubError.offline("\(address)", reason: missing(address, wanted)) }
    let client = try client(for: text)
    let commit: String
    if let named = address.commit { commit = named } else { commit = try await client.commit(of: address) }
    let files: [HubFile]
    if let known = cache.files(of: address, commit) {
      files = known
    } else {
      files = try await client.files(of: address, at: commit)
    }
    let chosen = try Self.chosen(files, wanted, address)
    let total = chosen.reduce(0) { $0 + $1.size }
    try cache.prepare(address)
    var done = 0
    for file in chosen {
      let before = done
      try await client.download(file, address.at(commit), at: commit, into: cache) { received in
        progress(HubProgress(address: text, file: file.path, received: before + received, total: total))
      }
      done += file.size
    }
    try cache.remember(files, of: address, commit)
    try cache.remember(commit, of: address)
    return folder(address, commit)
  }

  private func folder(_ address: HubAddress, _ commit: String) -> FetchedFolder {
    FetchedFolder(
      path: cache.snapshot(address, commit), address: "\(address)", revision: commit, name: address.name)
  }

  /// The files of a repository that are needed.
  private static func chosen(
    _ files: [HubFile], _ wanted: ([String]) -> [String], _ address: HubAddress
  ) throws(HubError) -> [HubFile] {
    let paths = Set(wanted(files.map(\.path)))
    let chosen = files.filter { paths.contains($0.path) }
    guard !chosen.isEmpty else { throw .nothingUsable(address, files: files.map(\.path)) }
    return chosen
  }

  /// The snapshot of a commit, if all that is wanted of it is there.
  private func cached(_ address: HubAddress, _ commit: String, _ wanted: ([String]) -> [String]) -> FetchedFolder? {
    let folder = folder(address, commit)
    guard let files = cache.files(of: address, commit) else {
      // Without a tree, which only newer programs keep, nothing proves that a file is missing; offline that is enough.
      let paths = wanted(cache.snapshotPaths(address, commit))
      return settings.isOffline && !paths.isEmpty ? folder : nil
    }
    guard let chosen = try? Self.chosen(files, wanted, address) else { return nil }
    return chosen.allSatisfy { cache.has($0, address, commit) } ? folder : nil
  }

  /// Why nothing of the cache can be used.
  private func missing(_ address: HubAddress, _ wanted: ([String]) -> [String]) -> String {
    guard let commit = cache.commit(of: address), FileSystem.kind(of: cache.snapshot(address, commit)) == .folder else {
      return "nothing of this revision is in the cache \(cache.folder)"
    }
    let paths = Set(wanted((cache.files(of: address, commit) ?? []).map(\.path)))
    let absent = (cache.files(of: address, commit) ?? []).first {
      paths.contains($0.path) && !cache.has($0, address, commit)
    }
    return "the cache \(cache.folder) has only a part of it" + (absent.map { ": '\($0.path)' is missing" } ?? "")
  }
}

/// How far a download is.
public struct HubProgress: Sendable {
  /// What is downloaded.
  public let address: String
  /// The file that is being received.
  public let file: String
  /// Bytes that are there, and those of all files.
  public let received, total: Int
}

/// A folder that was fetched.
public struct FetchedFolder: Hashable, Sendable {
  public let path: String
  /// As it was named: `hf:ORG/NAME@REV`, or the address of an archive.
  public let address: String
  /// The commit, or the SHA-256 of the archive.
  public let revision: String
  /// What to call it if its files do not say.
  public let name: String
}
