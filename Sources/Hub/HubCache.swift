internal import Checkpoints
internal import Files
internal import FoundationEssentials
internal import Glibc

/// The folder in which files of the Hub are kept, as huggingface_hub lays it out and shares it.
///
///     models--ORG--NAME/blobs/ETAG              contents
///     models--ORG--NAME/snapshots/COMMIT/PATH   links to them
///     models--ORG--NAME/refs/BRANCH             the commit that a branch was at
///     models--ORG--NAME/trees/COMMIT.json       all files of a commit, with their digests
///     models--ORG--NAME/.no_exist/COMMIT/PATH   files that a commit does not have
///     .locks/models--ORG--NAME/ETAG.lock        who downloads a blob
struct HubCache: Sendable {
  let folder: String

  private func home(_ address: HubAddress) -> String {
    "\(folder)/models--\(address.repository.replacing("/", with: "--"))"
  }

  /// The folder of a commit.
  func snapshot(_ address: HubAddress, _ commit: String) -> String { "\(home(address))/snapshots/\(commit)" }

  func blob(_ address: HubAddress, _ etag: String) -> String { "\(home(address))/blobs/\(etag)" }

  /// The commit that a revision was at when it was downloaded last.
  func commit(of address: HubAddress) -> String? {
    if let commit = address.commit { return commit }
    let text = try? String(contentsOfFile: "\(home(address))/refs/\(address.branch)", encoding: .utf8)
    return text.flatMap { HubAddress.isCommit($0) ? $0 : nil }
  }

  func remember(_ commit: String, of address: HubAddress) throws(FileError) {
    guard address.commit == nil else { return }
    let path = "\(home(address))/refs/\(address.branch)"
    try Self.write(commit, to: path)
  }

  // MARK: Trees

  /// The files of a commit, if they were listed before.
  func files(of address: HubAddress, _ commit: String) -> [HubFile]? {
    let path = "\(home(address))/trees/\(commit).json"
    guard FileSystem.kind(of: path) == .file, let tree = try? JSONValue(path: path),
      tree["format_version"] == .integer(1), case .object(let entries)? = tree["files"]
    else { return nil }
    let files = entries.compactMap { HubFile(path: $0.key, cached: $0.value) }
    return files.count == entries.count ? files.sorted { $0.path < $1.path } : nil
  }

  func remember(_ files: [HubFile], of address: HubAddress, _ commit: String) throws(FileError) {
    let path = "\(home(address))/trees/\(commit).json"
    let entries = Dictionary(uniqueKeysWithValues: files.map { ($0.path, $0.cached) })
    try Self.write(JSONValue.object(["format_version": .integer(1), "files": .object(entries)]).indented, to: path)
  }

  /// The paths in the snapshot of a commit, as far as they are there.
  func snapshotPaths(_ address: HubAddress, _ commit: String) -> [String] {
    let root = snapshot(address, commit)
    func paths(below path: String, depth: Int) -> [String] {
      guard depth < 16, let names = try? FileSystem.names(in: path.isEmpty ? root : "\(root)/\(path)") else {
        return []
      }
      return names.flatMap { name in
        let inner = path.isEmpty ? name : "\(path)/\(name)"
        return FileSystem.kind(of: "\(root)/\(inner)") == .folder ? paths(below: inner, depth: depth + 1) : [inner]
      }
    }
    return paths(below: "", depth: 0)
  }

  /// Whether a file of a commit is there, wholly.
  func has(_ file: HubFile, _ address: HubAddress, _ commit: String) -> Bool {
    FileStamp(of: "\(snapshot(address, commit))/\(file.path)").map { $0.kind == .file && $0.size == file.size } ?? false
  }

  func rememberMissing(_ path: String, _ address: HubAddress, _ commit: String) throws(FileError) {
    let place = "\(home(address))/.no_exist/\(commit)/\(path)"
    try Self.write("", to: place)
  }

  // MARK: Blobs

  /// Makes the folders of a repository, and marks the cache as one for programs that make backups.
  func prepare(_ address: HubAddress) throws(FileError) {
    for part in ["blobs", "snapshots", "refs"] { try FileSystem.makeFolders("\(home(address))/\(part)") }
    let tag = "\(folder)/CACHEDIR.TAG"
    guard !FileSystem.exists(tag) else { return }
    try Self.write(
      """
      Signature: 8a477f597d28d172789f06886806bc55
      # This file is a cache directory tag created by huggingface_hub.
      # For information about cache directory tags, see:
      #\thttps://bford.info/cachedir/

      """, to: tag)
  }

  /// The path of the lock of a blob.
  func lock(_ address: HubAddress, _ etag: String) -> String {
    "\(folder)/.locks/\(FilePaths.lastPart(of: home(address)))/\(etag).lock"
  }

  /// A path for a download that goes on where one that was killed ended, if there is such a one.
  ///
  /// Whoever calls this holds the blob's lock, so no other process writes to the file.
  func incomplete(_ address: HubAddress, _ etag: String) throws(FileError) -> String {
    let blobs = "\(home(address))/blobs"
    let own = "\(blobs)/\(etag).\(Self.randomDigits()).incomplete"
    let left = try FileSystem.names(in: blobs).filter { $0.hasPrefix(etag + ".") && $0.hasSuffix(".incomplete") }
    for (index, name) in left.enumerated() {
      if index == 0, rename("\(blobs)/\(name)", own) == 0 { continue }
      unlink("\(blobs)/\(name)")
    }
    return own
  }

  /// Gives a download that is whole its name.
  func keep(_ path: String, as etag: String, _ address: HubAddress) throws(FileError) {
    let target = blob(address, etag)
    guard rename(path, target) == 0 else { throw .refused(.rename, path: target, code: errno) }
    try FileSystem.sync(folder: FilePaths.parent(of: target))
  }

  /// Makes a blob a file of a commit.
  func link(_ file: HubFile, to etag: String, _ address: HubAddress, _ commit: String) throws(FileError) {
    let path = "\(snapshot(address, commit))/\(file.path)"
    try FileSystem.makeFolders(FilePaths.parent(of: path))
    let ups = String(repeating: "../", count: file.path.split(separator: "/").count + 1)
    let draft = "\(FilePaths.parent(of: path))/.\(Self.randomDigits())"
    guard symlink("\(ups)blobs/\(etag)", draft) == 0 else { throw .refused(.create, path: path, code: errno) }
    guard rename(draft, path) == 0 else {
      let code = errno
      unlink(draft)
      throw .refused(.create, path: path, code: code)
    }
  }

  /// Writes a small file as a whole, and makes the folders above it.
  static func write(_ text: String, to path: String) throws(FileError) {
    try FileSystem.makeFolders(FilePaths.parent(of: path))
    let draft = try FileDraft(for: path)
    var failure: FileError?
    Array(text.utf8).withUnsafeBytes { bytes in
      do throws(FileError) { try draft.append(bytes) } catch { failure = error }
    }
    if let failure { throw failure }
    try draft.publish()
  }

  private static func randomDigits() -> String {
    String(String(UInt64(UInt32.random(in: .min ... .max)) + (1 << 32), radix: 16).dropFirst())
  }
}

/// A lock on a file that other programs respect, too (`flock`).
final class FileLock: Sendable {
  private let descriptor: Int32

  /// Waits until nobody else has it.
  static func acquire(_ path: String) async throws -> FileLock {
    try FileSystem.makeFolders(FilePaths.parent(of: path))
    let lock = try FileLock(path)
    while flock(lock.descriptor, LOCK_EX | LOCK_NB) != 0 {
      guard [EINTR, EWOULDBLOCK].contains(errno) else { throw FileError.refused(.lock, path: path, code: errno) }
      try await Task.sleep(for: .milliseconds(50))
    }
    return lock
  }

  private init(_ path: String) throws(FileError) {
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw .refused(.lock, path: path, code: errno) }
  }

  deinit { close(descriptor) }
}
