internal import Files
internal import Glibc

extension HubClient {
  /// Downloads a file into the cache unless it is there; two processes never download the same at once.
  ///
  /// What arrives must have the size and the digest that the tree lists, or nothing of it stays. A connection that is
  /// cut is taken up where it ended.
  func download(
    _ file: HubFile, _ address: HubAddress, at commit: String, into cache: HubCache,
    progress: @escaping @Sendable (Int) -> Void
  ) async throws {
    if cache.has(file, address, commit) { return progress(file.size) }
    let head: FileHead
    do { head = try await self.head(of: file, address, at: commit) } catch let error as HubError {
      if case .noFile = error { try? cache.rememberMissing(file.path, address, commit) }
      throw error
    }
    let blob = cache.blob(address, head.etag)
    let lock = try await FileLock.acquire(cache.lock(address, head.etag))
    defer { withExtendedLifetime(lock) {} }
    if FileStamp(of: blob)?.size != file.size {
      try requireSpace(file, in: cache)
      let path = try cache.incomplete(address, head.etag)
      try await receive(file, address, from: head.place, to: path, progress: progress)
      try cache.keep(path, as: head.etag, address)
    }
    try cache.link(file, to: head.etag, address, commit)
    progress(file.size)
  }

  private func requireSpace(_ file: HubFile, in cache: HubCache) throws {
    guard let free = try OpenFolder(cache.folder).freeBytes, free < file.size else { return }
    throw HubError.diskFull(cache.folder, needed: file.size, free: free)
  }

  /// Receives a file wholly, with as many requests as that takes while each brings something.
  private func receive(
    _ file: HubFile, _ address: HubAddress, from place: WebAddress, to path: String,
    progress: @escaping @Sendable (Int) -> Void
  ) async throws {
    let resolved = try self.place(
      address.parts + ["resolve", address.branch] + file.path.split(separator: "/").map(String.init))
    var isResumed = false
    for _ in 0..<2 {
      var download = try FileDownload(file, to: path, of: "\(address)", progress: progress)
      isResumed = download.count > 0
      do {
        var failures = 0
        while !download.isWhole {
          let before = download.count
          do {
            // An address that was signed for a time may have expired: the Hub signs another one.
            let from = failures == 0 ? place : resolved
            try await translating(address, file: file.path) {
              try await trying(from) { try await request(&download, from: from) }
            }
          } catch HubError.noConnection(let place, let reason) {
            guard download.count > before else { throw HubError.noConnection(place, reason: reason) }
          } catch HubError.forbidden where failures == 0 && !place.hasOrigin(of: settings.endpoint) {
            failures += 1
          }
        }
        try download.finish()
        return
      } catch let error as FileError {
        unlink(path)
        throw error.isDiskFull ? HubError.diskFull(path, needed: file.size, free: 0) : error
      } catch let error as HubError {
        guard case .wrongContent = error else {
          // A later download takes up what is there, if it is anything.
          if FileStamp(of: path)?.size == 0 { unlink(path) }
          throw error
        }
        unlink(path)
        // What an earlier run left may have been wrong: once more, from the start.
        guard isResumed else { throw error }
      }
    }
  }

  private func request(_ download: inout FileDownload, from place: WebAddress) async throws {
    var headers = [WebHeader("Accept-Encoding", "identity")]
    if download.count > 0 { headers.append(WebHeader("Range", "bytes=\(download.count)-")) }
    _ = try await send(WebRequest("GET", place, headers: headers), to: &download)
    guard download.isWhole else { throw WebFailure(reason: "the connection was closed too early") }
  }
}

/// A file that is being received.
struct FileDownload: WebReceiver {
  private let file: HubFile
  private let address: String
  private let output: ResumableFile
  private let progress: (Int) -> Void
  private var digest: DigestComputation
  /// How many bytes are there.
  private(set) var count: Int

  /// Begins, or goes on with what is there.
  init(_ file: HubFile, to path: String, of address: String, progress: @escaping (Int) -> Void) throws {
    (self.file, self.address, self.progress) = (file, address, progress)
    output = try ResumableFile(path)
    digest = DigestComputation(like: file.digest, size: file.size)
    count = 0
    if output.size > file.size { try output.cut() }
    var digest = digest
    try ReadFile(path).read { piece in digest.update(piece) }
    (self.digest, count) = (digest, output.size)
  }

  var isWhole: Bool { count == file.size }

  private mutating func restart() throws {
    try output.cut()
    count = 0
    digest = DigestComputation(like: file.digest, size: file.size)
  }

  mutating func begin(_ head: WebHead) throws -> Bool {
    if head.isPage, head["x-repo-commit"] == nil {
      throw HubError.notTheHub(address, found: "a page for a browser in place of '\(file.path)'")
    }
    if head.status == 206 {
      guard let range = head["content-range"], range.hasPrefix("bytes \(count)-") else {
        throw HubError.badAnswer(address, reason: "it is another part of '\(file.path)' than was requested")
      }
    } else if count > 0 {
      try restart()
    }
    if let length = head.contentLength, length != file.size - count {
      throw wrong("\(length + count) bytes are announced, and the tree lists \(file.size)")
    }
    return true
  }

  mutating func take(_ bytes: UnsafeRawBufferPointer) throws {
    guard bytes.count <= file.size - count else { throw wrong("there are more than \(file.size) bytes") }
    try output.append(bytes)
    digest.update(bytes)
    count += bytes.count
    progress(count)
  }

  /// Checks the digest and forces the file to the disk.
  func finish() throws {
    let found = digest.text
    guard found == file.digest.text else {
      throw wrong("its digest is \(found.prefix(12))…, and \(file.digest.text.prefix(12))… is listed")
    }
    try output.sync()
  }

  private func wrong(_ reason: String) -> HubError { .wrongContent(address, file: file.path, reason: reason) }
}

/// A file to whose end bytes are written.
final class ResumableFile {
  private let path: String
  private let descriptor: Int32

  init(_ path: String) throws(FileError) {
    self.path = path
    descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o666)
    guard descriptor >= 0 else { throw .refused(.create, path: path, code: errno) }
  }

  deinit { close(descriptor) }

  var size: Int { max(Int(lseek(descriptor, 0, SEEK_END)), 0) }

  func cut() throws(FileError) {
    guard ftruncate(descriptor, 0) == 0 else { throw .refused(.write, path: path, code: errno) }
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if written > 0 {
        rest = rest.dropFirst(written)
      } else if written == 0 || errno != EINTR {
        throw .refused(.write, path: path, code: written == 0 ? ENOSPC : errno)
      }
    }
  }

  func sync() throws(FileError) {
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw .refused(.sync, path: path, code: errno) }
  }
}
