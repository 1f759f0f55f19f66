/// The files of a folder with their digests.
///
/// A folder counts with the regular files directly in it. Names that begin
/// with a dot are left out. A folder inside the folder, and anything else
/// that is no regular file, is refused; links to regular files are followed.
public struct FolderContents: Hashable, Sendable {
  /// The files, in the order of their names' UTF-8 bytes.
  public let files: [FileRecord]

  /// The digest of the whole list.
  public var digest: ContentDigest { ContentDigest(of: files) }

  /// The sum of the files' sizes in bytes.
  public var byteCount: Int { files.reduce(0) { $0 + $1.byteCount } }

  /// Reads and hashes a folder.
  ///
  /// - Parameters:
  ///   - path: a folder.
  ///   - names: the names of the files that count, if not all do.
  public init(of path: String, files names: [String]? = nil) throws(RegistryError) {
    var files: [FileRecord] = []
    for name in try Self.names(in: path, chosen: names) {
      let (byteCount, digest) = try FileSystem.digest(of: "\(path)/\(name)")
      files.append(FileRecord(name: name, byteCount: byteCount, digest: digest))
    }
    self.files = files
  }

  init(files: [FileRecord]) { self.files = files }

  /// The names of the files that count, each checked to be a regular file.
  static func names(in path: String, chosen: [String]? = nil) throws(RegistryError) -> [String] {
    guard FileSystem.kind(of: path) == .folder else {
      throw FileSystem.exists(path)
        ? .unexpectedEntry(path: path, reason: "is not a folder")
        : .file(path: path, operation: .read, reason: "there is no such folder")
    }
    let names: [String]
    if let chosen {
      names = Set(chosen).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    } else {
      names = try FileSystem.names(in: path).filter { !$0.hasPrefix(".") }
    }
    for name in names {
      guard !name.contains("/"), !name.isEmpty, name != ".", name != ".." else {
        throw .badValue(what: "the file name '\(name)'", reason: "a folder counts with the files directly in it")
      }
      switch FileSystem.kind(of: "\(path)/\(name)") {
      case .file: continue
      case .folder:
        throw .unexpectedEntry(path: "\(path)/\(name)", reason: "is a folder; only files are expected here")
      case .other: throw .unexpectedEntry(path: "\(path)/\(name)", reason: "is not a regular file")
      case nil: throw .file(path: "\(path)/\(name)", operation: .read, reason: "there is no such file")
      }
    }
    guard !names.isEmpty else { throw .unexpectedEntry(path: path, reason: "is a folder without files") }
    return names
  }
}

/// A file as the registry knows it.
public struct FileRecord: Hashable, Sendable, Codable {
  /// The name inside its folder.
  public let name: String
  /// The size in bytes.
  public let byteCount: Int
  /// The SHA-256 of its bytes.
  public let digest: ContentDigest
}
