internal import Files
internal import FoundationEssentials
internal import Glibc

extension Hub {
  /// The most bytes of an archive.
  private static let archiveLimit = 8 << 30

  /// The folder of an archive on the web: downloaded again, unless nothing but the cache may be used.
  func archive(at text: String, progress: @escaping @Sendable (HubProgress) -> Void) async throws -> FetchedFolder {
    guard let address = WebAddress(text) else {
      throw HubError.badAddress(text, reason: "it is no address of the web")
    }
    let shown = "\(address)"
    let home = settings.archives
    let known = "\(home)/addresses/\(ContentDigest(of: Array(text.utf8)))"
    let digest: String
    if settings.isOffline {
      let kept = (try? String(contentsOfFile: known, encoding: .utf8)) ?? ""
      guard ContentDigest(kept) != nil, FileSystem.kind(of: "\(home)/\(kept)") == .folder else {
        throw HubError.offline(shown, reason: "it was not downloaded before")
      }
      digest = kept
    } else {
      digest = try await download(address, into: home, progress: progress)
      try HubCache.write(digest, to: known)
    }
    var path = "\(home)/\(digest)"
    // Most archives hold one folder with everything in it.
    while true {
      let names = try FileSystem.names(in: path).filter { $0 != "__MACOSX" }
      guard names.count == 1, FileSystem.kind(of: "\(path)/\(names[0])") == .folder else { break }
      path += "/\(names[0])"
    }
    return FetchedFolder(
      path: path, address: shown, revision: digest, name: Self.archiveName(address.lastName))
  }

  /// Downloads an archive and unpacks it.
  ///
  /// - Returns: its SHA-256, which its folder is called by.
  private func download(
    _ address: WebAddress, into home: String, progress: @escaping @Sendable (HubProgress) -> Void
  ) async throws -> String {
    let client = try client(for: "\(address)")
    try FileSystem.makeFolders(home)
    let path = "\(home)/.\(UInt64.random(in: .min ... .max)).download"
    defer { unlink(path) }
    var download = try ArchiveDownload(to: path, of: address, limit: Self.archiveLimit, progress: progress)
    do {
      try await client.trying(address) { _ = try await client.send(WebRequest("GET", address), to: &download) }
    } catch let refusal as HubClient.Refusal {
      throw refusal.head.isPage && refusal.head.status != 404
        ? HubError.notTheHub("\(address)", found: "a page for a browser (\(refusal.head.status))")
        : HubError.refused("\(address)", status: refusal.head.status, message: refusal.message)
    }
    let digest = try download.finish()
    if FileSystem.kind(of: "\(home)/\(digest)") != .folder {
      try Archive(path: path, name: "\(address)").unpack(into: "\(home)/\(digest)")
    }
    return digest
  }

  /// What an archive is called, without what says how it is packed.
  private static func archiveName(_ name: String) -> String {
    let endings = [".zip", ".tar.gz", ".tgz", ".tar.xz", ".tar"]
    return endings.first { name.hasSuffix($0) }.map { String(name.dropLast($0.count)) } ?? name
  }
}

/// An archive that is being received.
private struct ArchiveDownload: WebReceiver {
  private let address: WebAddress
  private let limit: Int
  private let output: ResumableFile
  private let progress: @Sendable (HubProgress) -> Void
  private var hash = ContentHasher()
  private var expected: Int?
  private var start: [UInt8] = []

  init(to path: String, of address: WebAddress, limit: Int, progress: @escaping @Sendable (HubProgress) -> Void) throws
  {
    (self.address, self.limit, self.progress) = (address, limit, progress)
    output = try ResumableFile(path)
  }

  mutating func begin(_ head: WebHead) throws -> Bool {
    if head.isPage { throw page }
    try output.cut()
    (hash, start) = (ContentHasher(), [])
    expected = head.contentLength
    if let expected { try require(expected) }
    return true
  }

  mutating func take(_ bytes: UnsafeRawBufferPointer) throws {
    if start.count < 64 { start += bytes.prefix(64) }
    try require(hash.count + bytes.count)
    try output.append(bytes)
    hash.update(bytes)
    progress(
      HubProgress(address: "\(address)", file: address.lastName, received: hash.count, total: expected ?? hash.count))
  }

  /// - Returns: the digest.
  func finish() throws -> String {
    let text = String(decoding: start, as: UTF8.self).drop { $0.isWhitespace }.lowercased()
    if text.hasPrefix("<!doctype html") || text.hasPrefix("<html") { throw page }
    if let expected, expected != hash.count {
      throw HubError.noConnection("\(address)", reason: "\(hash.count) of \(expected) bytes came")
    }
    try output.sync()
    return hash.digest.text
  }

  private var page: HubError { .notTheHub("\(address)", found: "a page for a browser in place of an archive") }

  private func require(_ count: Int) throws {
    guard count <= limit else { throw HubError.badArchive("\(address)", reason: "it has more than \(limit) bytes") }
  }
}
