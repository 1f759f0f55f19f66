public import Files

/// The files of a folder with their digests.
///
/// A folder counts with the regular files directly in it. Names that begin
/// with a dot are left out; a folder inside the folder, a link, and anything
/// else that is no regular file, is refused. Where the files are chosen by
/// their names, other entries are left, and a link to a regular file counts
/// as that file.
public struct FolderContents: Hashable, Sendable {
  /// The files, in the order of their names' UTF-8 bytes.
  public let files: [FileRecord]

  /// The digest of the whole list: over one line `name NUL size NUL digest
  /// LF` for each file. Two folders have the same digest exactly when they
  /// hold the same files with the same bytes.
  public var digest: ContentDigest {
    ContentDigest(of: files.map { "\($0.name)\0\($0.byteCount)\0\($0.digest.text)\n" }.joined().utf8)
  }

  /// The sum of the files' sizes in bytes.
  public var byteCount: Int { files.reduce(0) { $0 + $1.byteCount } }

  /// Reads and hashes a folder.
  ///
  /// - Parameters:
  ///   - path: a folder.
  ///   - names: the names of the files that count, if not all do; each is there.
  public init(of path: String, files names: [String]? = nil) throws(RegistryError) {
    let folder = try Self.opened(path)
    var records: [FileRecord] = []
    for file in try Self.files(in: folder, chosen: names, mayBeMissing: false) {
      var hash = ContentHasher()
      try onFiles { () throws(FileError) in
        try file.file.read { (piece) throws(FileError) in hash.update(piece) }
      }
      records.append(FileRecord(name: file.name, byteCount: hash.count, digest: hash.digest))
    }
    self.init(files: records)
  }

  init(files: [FileRecord]) {
    self.files = files.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  static func opened(_ path: String) throws(RegistryError) -> OpenFolder {
    if let kind = FileSystem.kind(of: path), kind != .folder {
      throw .unexpectedEntry(path: path, reason: "is not a folder")
    }
    return try onFiles { () throws(FileError) in try OpenFolder(path) }
  }

  /// Opens the files that count.
  ///
  /// - Parameters:
  ///   - chosen: their names; nil is all.
  ///   - mayBeMissing: whether chosen files that are not there are left out.
  static func files(
    in folder: OpenFolder, chosen: [String]?, mayBeMissing: Bool
  ) throws(RegistryError) -> [(name: String, file: ReadFile)] {
    var names: [String] = []
    if let chosen {
      for name in Set(chosen).sorted() {
        guard FilePaths.isName(name) else {
          throw .badValue(what: "the file name '\(name)'", reason: "a folder counts with the files directly in it")
        }
        if folder.kind(of: name) != nil || !mayBeMissing { names.append(name) }
      }
    } else {
      names = try onFiles { () throws(FileError) in try folder.names() }.filter { !$0.hasPrefix(".") }
    }
    guard !names.isEmpty else {
      throw .unexpectedEntry(
        path: folder.path,
        reason: chosen == nil ? "is a folder without files" : "holds none of the files that are expected here")
    }
    guard names.count <= countLimit else {
      throw .unexpectedEntry(
        path: folder.path, reason: "holds \(names.count) files; at most \(countLimit) are expected")
    }
    var files: [(name: String, file: ReadFile)] = []
    for name in names {
      let path = "\(folder.path)/\(name)"
      switch folder.kind(of: name) {
      case .folder: throw .unexpectedEntry(path: path, reason: "is a folder; only files are expected here")
      case .link where chosen == nil:
        throw .unexpectedEntry(path: path, reason: "is a link; only files are expected here")
      default: break
      }
      let file = try onFiles { () throws(FileError) in try folder.file(name) }
      guard file.stamp.size <= sizeLimit(of: name) else {
        throw .unexpectedEntry(
          path: path, reason: "has \(file.stamp.size) bytes; at most \(sizeLimit(of: name)) are expected")
      }
      files.append((name, file))
    }
    return files
  }

  /// The files that a folder may have.
  static let countLimit = 1000

  /// How many bytes a file may have: descriptions are small, tensors need not be.
  static func sizeLimit(of name: String) -> Int { name.hasSuffix(".json") ? 64 << 20 : 64 << 30 }
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
