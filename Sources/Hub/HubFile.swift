internal import Checkpoints
internal import Files

/// A file of a repository, as its tree lists it.
struct HubFile: Hashable, Sendable {
  let path: String
  /// In bytes; of the file itself where the repository keeps a pointer to it.
  let size: Int
  /// The digest of git, of the file or of the pointer.
  let blob: String
  /// The SHA-256 of a file in Large File Storage.
  let sha256: String?
  /// The size that the tree has of what git keeps.
  let pointerSize: Int?
  let xetHash: String?

  /// What its content must have.
  var digest: FileDigest { sha256.map { .sha256($0) } ?? .gitBlob(blob) }

  /// An entry of a tree.
  ///
  /// - Returns: nil for a folder.
  /// - Throws: ``HubError/badAnswer(_:reason:)``.
  init?(_ value: JSONValue, from address: String) throws(HubError) {
    guard case .object(let fields) = value, case .string(let path)? = fields["path"] else {
      throw .badAnswer(address, reason: "a file of the tree has no path")
    }
    guard case .string(let kind)? = fields["type"], kind == "file" else { return nil }
    guard Self.isSafe(path) else {
      throw .badAnswer(address, reason: "the tree has a file called '\(path.prefix(200))'")
    }
    guard case .string(let blob)? = fields["oid"], blob.isHexadecimal(digits: 40), let size = fields["size"]?.count
    else {
      throw .badAnswer(address, reason: "the file '\(path)' of the tree has no digest or no size")
    }
    (self.path, self.blob) = (path, blob)
    if case .string(let hash)? = fields["xetHash"] { xetHash = hash } else { xetHash = nil }
    if case .object(let large)? = fields["lfs"] {
      guard case .string(let sha256)? = large["oid"], sha256.isHexadecimal(digits: 64), let whole = large["size"]?.count
      else { throw .badAnswer(address, reason: "the large file '\(path)' of the tree has no digest or no size") }
      (self.sha256, self.size, pointerSize) = (sha256, whole, size == whole ? nil : size)
    } else {
      (sha256, self.size, pointerSize) = (nil, size, nil)
    }
  }

  /// As the cache keeps it.
  ///
  /// - Returns: nil for what is no such entry.
  init?(path: String, cached value: JSONValue) {
    guard Self.isSafe(path), case .object(let fields) = value, let size = fields["size"]?.count,
      case .string(let blob)? = fields["blob_id"], blob.isHexadecimal(digits: 40)
    else { return nil }
    (self.path, self.blob) = (path, blob)
    if case .string(let hash)? = fields["xet_hash"] { xetHash = hash } else { xetHash = nil }
    pointerSize = nil
    if case .string(let sha256)? = fields["lfs_sha256"], sha256.isHexadecimal(digits: 64) {
      (self.sha256, self.size) = (sha256, fields["lfs_size"]?.count ?? size)
    } else {
      (sha256, self.size) = (nil, size)
    }
  }

  /// As the cache keeps it.
  var cached: JSONValue {
    var fields: [String: JSONValue] = ["size": .integer(size), "blob_id": .string(blob)]
    if let sha256 {
      fields["lfs_sha256"] = .string(sha256)
      fields["lfs_size"] = .integer(size)
    }
    if let xetHash { fields["xet_hash"] = .string(xetHash) }
    return .object(fields)
  }

  /// Whether a path of a repository stays in the folder that it is for.
  static func isSafe(_ path: String) -> Bool {
    path.utf8.count <= 1024 && !path.contains("\\")
      && path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { FilePaths.isName(String($0)) }
      && !path.unicodeScalars.contains { $0.actsOnTerminals }
  }
}

extension JSONValue {
  /// The value as a size or a number of something.
  var count: Int? { if case .integer(let number) = self, number >= 0 { number } else { nil } }

  /// A member of an object.
  subscript(name: String) -> JSONValue? { if case .object(let fields) = self { fields[name] } else { nil } }

  var text: String? { if case .string(let text) = self { text } else { nil } }
}

/// The digest that a file must have.
enum FileDigest: Hashable, Sendable {
  case sha256(String)
  /// The SHA-1 of the content after the word `blob`, its size and a NUL, as git computes it.
  case gitBlob(String)

  var text: String {
    switch self {
    case .sha256(let text), .gitBlob(let text): text
    }
  }
}

/// Computes a digest of a kind piece by piece.
enum DigestComputation {
  case sha256(ContentHasher)
  case gitBlob(SHA1)

  init(like digest: FileDigest, size: Int) {
    switch digest {
    case .sha256: self = .sha256(ContentHasher())
    case .gitBlob:
      var hash = SHA1()
      hash.update(Array("blob \(size)\0".utf8))
      self = .gitBlob(hash)
    }
  }

  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    switch self {
    case .sha256(var hash):
      self = .sha256(ContentHasher())
      hash.update(bytes)
      self = .sha256(hash)
    case .gitBlob(var hash):
      self = .gitBlob(SHA1())
      hash.update(bytes)
      self = .gitBlob(hash)
    }
  }

  var text: String {
    switch self {
    case .sha256(let hash): hash.digest.text
    case .gitBlob(let hash): hash.hexadecimal
    }
  }
}
