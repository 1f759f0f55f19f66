import Foundation

/// A folder on its way into the folder of adapters.
///
/// Its files are first copied to a hidden folder beside the place they are
/// for, each forced to the disk; ``publish(as:)`` then renames it. The folder
/// is locked until the publication is let go of, under either name: a folder
/// that nobody holds and that has no row was left by a process that stopped.
struct Publication {
  /// What was copied.
  let contents: FolderContents

  private let staging: String
  private let claim: FolderLock

  static let stagingPrefix = ".incoming-"

  /// Copies files of `source` to a new hidden folder in `home`, which is
  /// made if it is missing.
  init(of source: String, files names: [String]?, in home: String) throws(RegistryError) {
    let names = try FolderContents.names(in: source, chosen: names)
    try FileSystem.ensureFolder(home)
    let staging = "\(home)/\(Self.stagingPrefix)\(UUID().uuidString)"
    // Who asks whether a folder is held keeps `home` to itself meanwhile, and
    // so never sees this one between made and claimed.
    let making = try FolderLock(on: home, .shared, waiting: Storage.patience)
    try FileSystem.makeFolder(staging)
    do throws(RegistryError) {
      claim = try FolderLock(on: staging, .exclusive)
      making.release()
      contents = try Self.copy(names, of: source, to: staging)
    } catch {
      try? FileSystem.removeTree(staging)
      throw error
    }
    self.staging = staging
  }

  private static func copy(
    _ names: [String], of source: String, to staging: String
  ) throws(RegistryError) -> FolderContents {
    var files: [FileRecord] = []
    for name in names {
      let (byteCount, digest) = try FileSystem.copy("\(source)/\(name)", to: "\(staging)/\(name)")
      files.append(FileRecord(name: name, byteCount: byteCount, digest: digest))
    }
    try FileSystem.syncFolder(staging)
    return FolderContents(files: files)
  }

  /// Gives the folder its name.
  func publish(as path: String) throws(RegistryError) { try FileSystem.move(staging, to: path) }

  /// Takes the folder away again, wherever it has got to.
  func withdraw(from path: String?) {
    try? FileSystem.removeTree(staging)
    if let path { try? FileSystem.removeTree(path) }
  }
}

extension Publication {
  /// Those of the folders in `home` that no process is bringing to their place.
  ///
  /// - Throws: `RegistryError.busy`, if they cannot be told because others make new ones all the time.
  static func abandoned(_ paths: [String], in home: String) throws(RegistryError) -> [String] {
    guard !paths.isEmpty else { return [] }
    let asking = try FolderLock(on: home, .exclusive, waiting: Storage.patience)
    defer { asking.release() }
    return paths.filter { (try? FolderLock(on: $0, .exclusive)) != nil }
  }
}
