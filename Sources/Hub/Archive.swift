internal import Checkpoints
internal import Files

/// An archive from the web that is unpacked: zip, tar, and tar with gzip or xz.
///
/// It may hold files and folders, nothing else. A name that leads out of the folder, a link, a device, two entries of
/// one name, and more or larger entries than the limits allow are refused, and then nothing is unpacked.
struct Archive {
  /// The path of the archive.
  let path: String
  /// What it is called in messages.
  let name: String

  /// The most entries.
  static let entryLimit = 10_000
  /// The most bytes that all entries may have, however small the archive is; and how many times the size of the archive
  /// beyond that: deflate makes zeros a thousand times smaller, and weights hardly at all.
  static let freeBytes = 256 << 20
  static let growth = 50

  /// Unpacks it into a new folder, which must not be there.
  func unpack(into folder: String) throws {
    let draft = try FolderDraft(for: folder)
    var unpacking = Unpacking(self, into: draft.path, archiveSize: FileStamp(of: path)?.size ?? 0)
    do {
      switch try ReadFile(path).bytes(at: 0, count: 4) {
      case [0x50, 0x4B, 0x03, 0x04], [0x50, 0x4B, 0x05, 0x06]: try unzip(&unpacking)
      default: try untar(&unpacking)
      }
    } catch let error as CheckpointError {
      throw refused("\(error)".replacing(path, with: name).trimmingSuffix("."))
    } catch let
      error as FileError
    {
      guard case .unexpected(let place, let reason) = error, place == path else { throw error }
      throw refused("it \(reason)")
    }
    guard unpacking.fileCount > 0 else { throw refused("it holds no file") }
    do { try draft.publishAsNew() } catch {
      // Another process unpacked the same one meanwhile.
      guard FileSystem.kind(of: folder) == .folder else { throw error }
    }
  }

  func refused(_ reason: String) -> HubError { .badArchive(name, reason: reason) }

  private func unzip(_ unpacking: inout Unpacking) throws {
    let file = try MappedFile(path: path)
    for member in try ZipArchive(file, writtenBy: .any).members {
      guard [0, 0x8000, 0x4000].contains(member.fileType) else {
        throw refused("'\(member.name)' is a link or a device")
      }
      if member.name.hasSuffix("/") {
        try unpacking.makeFolder(member.name)
        continue
      }
      var checksum = Checksum()
      try unpacking.write(member.name, size: member.size) { write in
        try file.withUnsafeBytes(member.content) { (bytes: UnsafeRawBufferPointer) throws -> Void in
          func take(_ piece: UnsafeRawBufferPointer) throws {
            checksum.update(piece)
            try write(piece)
          }
          if member.isDeflated {
            try Deflate.expand(bytes, of: path, to: member.size, each: take)
          } else {
            try take(bytes)
          }
        }
      }
      guard checksum.value == member.checksum else { throw refused("the checksum of '\(member.name)' is wrong") }
    }
  }

  private func untar(_ unpacking: inout Unpacking) throws {
    var tar = try TarReader(path, refused)
    while let entry = try tar.next() {
      switch entry.kind {
      case .folder: try unpacking.makeFolder(entry.name)
      case .file:
        try unpacking.write(entry.name, size: entry.size) { write in
          try tar.content(of: entry) { piece in try piece.withUnsafeBytes { try write($0) } }
        }
      }
    }
  }
}

/// What was unpacked so far.
private struct Unpacking {
  private let archive: Archive
  private let folder: String
  private let byteLimit: Int
  private var entryCount = 0
  private var byteCount = 0
  private(set) var fileCount = 0

  init(_ archive: Archive, into folder: String, archiveSize: Int) {
    (self.archive, self.folder) = (archive, folder)
    byteLimit = max(Archive.freeBytes, archiveSize.multipliedReportingOverflow(by: Archive.growth).partialValue)
  }

  mutating func makeFolder(_ name: String) throws {
    let name = name.trimmingSuffix("/").withoutDot
    if name.isEmpty || name == "." { return }
    try FileSystem.makeFolders("\(folder)/\(checked(name))")
  }

  mutating func write(
    _ name: String, size: Int, _ content: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) throws {
    let name = try checked(name.withoutDot)
    byteCount += size
    guard byteCount <= byteLimit else {
      throw archive.refused("its entries have more than \(byteLimit) bytes together")
    }
    let parent = try OpenFolder(folder)
    if let free = parent.freeBytes, free < size { throw HubError.diskFull(folder, needed: size, free: free) }
    let path = "\(folder)/\(name)"
    try FileSystem.makeFolders(FilePaths.parent(of: path))
    guard !FileSystem.exists(path) else { throw archive.refused("it has two entries called '\(name)'") }
    let file = try ResumableFile(path)
    try content(file.append)
    try file.sync()
    fileCount += 1
  }

  private mutating func checked(_ name: String) throws -> String {
    entryCount += 1
    guard entryCount <= Archive.entryLimit else {
      throw archive.refused("it has more than \(Archive.entryLimit) entries")
    }
    guard HubFile.isSafe(name) else {
      throw archive.refused("the name '\(name.prefix(200))' of an entry leads out of it or cannot be a path")
    }
    return name
  }
}

extension String {
  /// The path without `./` at its start.
  fileprivate var withoutDot: String { hasPrefix("./") ? String(dropFirst(2)) : self }
}
