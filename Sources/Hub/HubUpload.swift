internal import Checkpoints
internal import Files
internal import FoundationEssentials

/// A file that is to be uploaded.
public struct UploadedFile: Sendable {
  /// Its path in the repository.
  public let name: String
  /// Where it lies.
  public let path: String
  /// Whether one of its name in the repository stays as it is.
  public let isOptional: Bool

  public init(name: String, path: String, isOptional: Bool = false) {
    (self.name, self.path, self.isOptional) = (name, path, isOptional)
  }
}

/// What an upload has made.
public struct HubCommit: Hashable, Sendable {
  /// Where it can be seen; nil if the repository had everything already.
  public let address: String?
  /// Where its pull request can be seen, if it is one.
  public let pullRequest: String?
  /// The commit.
  public let revision: String
}

extension Hub {
  /// Refuses an upload that cannot be, before anything is made for it.
  ///
  /// - Throws: ``HubError``.
  public func requireUpload(to address: HubAddress) throws(HubError) {
    guard address.owner != nil else {
      throw .badAddress("\(address)", reason: "it names no owner: expected hf:ORG/NAME")
    }
    guard address.commit == nil else {
      throw .badAddress("\(address)", reason: "a commit cannot be uploaded to; name a branch, or none")
    }
    guard !settings.isOffline else { throw .offlineUpload(address) }
    guard settings.token != nil else { throw .noToken(address) }
    _ = try client(for: "\(address)")
  }

  /// Uploads files as one commit, to a repository that is made if there is none.
  ///
  /// The commit follows the one that is the newest when the upload begins; if somebody else was faster, nothing is
  /// uploaded.
  ///
  /// - Parameters:
  ///   - files: the files; those that the repository has already are left out.
  ///   - address: the repository, and the branch if it is not `main`.
  ///   - summary: the first line of the commit's message.
  ///   - isPrivate: whether a repository that is made is private, and one that is there must be.
  ///   - createsPullRequest: whether the commit becomes a pull request.
  ///   - progress: is called while files are sent.
  /// - Throws: ``HubError``, `FileError`.
  public func upload(
    _ files: [UploadedFile], to address: HubAddress, summary: String, isPrivate: Bool = false,
    createsPullRequest: Bool = false, progress: @escaping @Sendable (HubProgress) -> Void = { _ in }
  ) async throws -> HubCommit {
    try requireUpload(to: address)
    let client = try client(for: "\(address)")
    let parent = try await client.prepareRepository(address, isPrivate: isPrivate)
    let present = Dictionary(
      uniqueKeysWithValues: try await client.files(of: address, at: parent).map { ($0.path, $0) })
    let changed = try files.map(PreparedFile.init).filter { file in
      present[file.name].map { !file.file.isOptional && !file.isSame(as: $0) } ?? true
    }
    guard !changed.isEmpty else { return HubCommit(address: nil, pullRequest: nil, revision: parent) }
    for file in changed where file.name == "README.md" { try await client.checkCard(file, of: address) }
    let modes = try await client.uploadModes(of: changed, to: address, createsPullRequest: createsPullRequest)
    let large = changed.filter { modes[$0.name] == .large }
    let total = large.reduce(0) { $0 + $1.size }
    var done = 0
    let actions = try await client.uploadActions(for: large, to: address)
    for file in large {
      let before = done
      try await client.upload(file, actions[file.sha256], of: address) { sent in
        progress(HubProgress(address: "\(address)", file: file.name, received: before + sent, total: total))
      }
      done += file.size
    }
    return try await client.commit(
      changed.filter { modes[$0.name] != .ignored }, large: Set(large.map(\.name)), to: address, parent: parent,
      summary: summary, createsPullRequest: createsPullRequest)
  }
}

/// A file that is to be uploaded, with its digests.
struct PreparedFile: Sendable {
  let file: UploadedFile
  let size: Int
  let sha256: String
  let blob: String
  /// The first bytes, by which the Hub sees whether it is text.
  let sample: [UInt8]

  var name: String { file.name }

  init(_ file: UploadedFile) throws {
    self.file = file
    let content = try ReadFile(file.path)
    size = content.stamp.size
    sample = try content.bytes(at: 0, count: 512)
    var whole = ContentHasher()
    var git = SHA1()
    git.update(Array("blob \(size)\0".utf8))
    try content.read { piece in
      whole.update(piece)
      git.update(piece)
    }
    (sha256, blob) = (whole.digest.text, git.hexadecimal)
  }

  func isSame(as other: HubFile) -> Bool { other.sha256.map { $0 == sha256 } ?? (other.blob == blob) }

  var bytes: [UInt8] { get throws(FileError) { try ReadFile(file.path).bytes(at: 0, count: size) } }
}

/// How the Hub wants a file.
enum UploadMode { case regular, large, ignored }

extension HubClient {
  /// The most files that one question about upload modes may name.
  private static let modesAtOnce = 256

  private func post(_ place: WebAddress, _ value: JSONValue, type: String = "application/json") -> WebRequest {
    WebRequest(
      "POST", place, headers: [WebHeader("Content-Type", type), WebHeader("Accept", type)],
      body: .bytes(Array(value.line.utf8)))
  }

  /// Makes the repository if there is none.
  ///
  /// - Returns: the newest commit of the branch.
  func prepareRepository(_ address: HubAddress, isPrivate: Bool) async throws -> String {
    let place = try place(["api", "models"] + address.parts + ["revision", address.branch])
    var info: JSONValue
    do { info = try await json(WebRequest("GET", place), about: address).value } catch HubError.noRepository {
      var fields: [String: JSONValue] = [
        "name": .string(address.name), "organization": .string(address.owner ?? ""),
      ]
      // The first is what mirrors and older servers know, the second what the Hub has now.
      if isPrivate { fields.merge(["private": .bool(true), "visibility": .string("private")]) { $1 } }
      do {
        _ = try await json(post(try self.place(["api", "repos", "create"]), .object(fields)), about: address)
      } catch HubError.refused(_, 409, _) {}
      info = try await json(WebRequest("GET", place), about: address).value
    }
    guard let commit = info["sha"]?.text, HubAddress.isCommit(commit) else {
      throw HubError.badAnswer("\(place)", reason: "it names no commit")
    }
    if isPrivate, info["private"] == .bool(false) {
      throw HubError.refused(
        "\(address)", status: 409,
        message: "The repository is public, and --private was requested; nothing was uploaded.")
    }
    return commit
  }

  /// Asks whether the Hub understands a model card, so that the commit is not refused for it.
  func checkCard(_ file: PreparedFile, of address: HubAddress) async throws {
    let body = JSONValue.object([
      "content": .string(String(decoding: try file.bytes, as: UTF8.self)), "repoType": .string("model"),
    ])
    let (answer, _, place) = try await json(post(try self.place(["api", "validate-yaml"]), body), about: address)
    guard case .array(let errors)? = answer["errors"], !errors.isEmpty else { return }
    throw HubError.refused(
      "\(place)", status: 400,
      message: "README.md: " + errors.prefix(3).map { $0["message"]?.text ?? $0.kind }.joined(separator: "; "))
  }

  /// How each file is to be sent.
  func uploadModes(
    of files: [PreparedFile], to address: HubAddress, createsPullRequest: Bool
  ) async throws -> [String: UploadMode] {
    let place = try place(
      ["api", "models"] + address.parts + ["preupload", address.branch], query: createsPullRequest ? "create_pr=1" : nil
    )
    var modes: [String: UploadMode] = [:]
    for start in stride(from: 0, to: files.count, by: Self.modesAtOnce) {
      let some = files[start..<min(start + Self.modesAtOnce, files.count)]
      let body = JSONValue.object([
        "files": .array(
          some.map { file in
            .object([
              "path": .string(file.name), "size": .integer(file.size),
              "sample": .string(Data(file.sample).base64EncodedString()),
            ])
          })
      ])
      let (answer, _, answered) = try await json(post(place, body), about: address)
      guard case .array(let entries)? = answer["files"] else {
        throw HubError.badAnswer("\(answered)", reason: "it does not say how files are uploaded")
      }
      for entry in entries {
        guard let path = entry["path"]?.text else { continue }
        modes[path] =
          entry["shouldIgnore"] == .bool(true) ? .ignored : entry["uploadMode"]?.text == "lfs" ? .large : .regular
      }
    }
    // Large File Storage has no empty files.
    for file in files where file.size == 0 && modes[file.name] == .large { modes[file.name] = .regular }
    if let file = files.first(where: { modes[$0.name] == nil }) {
      throw HubError.badAnswer("\(place)", reason: "it does not say how '\(file.name)' is uploaded")
    }
    return modes
  }

  // MARK: Large files

  /// What is to be done for each large file, by its digest; nothing for one that is there.
  func uploadActions(for files: [PreparedFile], to address: HubAddress) async throws -> [String: JSONValue] {
    guard !files.isEmpty else { return [:] }
    let type = "application/vnd.git-lfs+json"
    let place = try place(
      [address.owner ?? "", address.name + ".git", "info", "lfs", "objects", "batch"].filter { !$0.isEmpty })
    let body = JSONValue.object([
      "operation": .string("upload"), "transfers": .array([.string("basic"), .string("multipart")]),
      "objects": .array(files.map { .object(["oid": .string($0.sha256), "size": .integer($0.size)]) }),
      "hash_algo": .string("sha256"), "ref": .object(["name": .string(address.branch)]),
    ])
    let (answer, _, answered) = try await json(post(place, body, type: type), about: address)
    guard case .array(let objects)? = answer["objects"] else {
      throw HubError.badAnswer("\(answered)", reason: "it does not say where large files go")
    }
    var actions: [String: JSONValue] = [:]
    for object in objects {
      guard let oid = object["oid"]?.text else { continue }
      if let error = object["error"] {
        throw HubError.refused(
          "\(answered)", status: error["code"]?.count ?? 422, message: error["message"]?.text ?? "")
      }
      actions[oid] = object["actions"] ?? .null
    }
    if let file = files.first(where: { actions[$0.sha256] == nil }) {
      throw HubError.badAnswer("\(answered)", reason: "it does not say where '\(file.name)' goes")
    }
    return actions
  }

  /// Sends a large file as the Hub has said.
  func upload(
    _ file: PreparedFile, _ actions: JSONValue?, of address: HubAddress, progress: (Int) -> Void
  ) async throws {
    guard let upload = actions?["upload"], let place = upload["href"]?.text.flatMap(WebAddress.init) else { return }
    let header = upload["header"]
    let size = header?["chunk_size"].flatMap { $0.count ?? $0.text.flatMap { Int($0) } }
    try await translating(address) {
      if let size, size > 0 {
        try await sendParts(file, of: size, header, to: place, progress)
      } else {
        var fields: [WebHeader] = []
        if case .object(let members)? = header {
          fields = members.compactMap { key, value in value.text.map { WebHeader(key, $0) } }
        }
        _ = try await put(file, offset: 0, count: file.size, fields, to: place)
      }
      if let verify = actions?["verify"]?["href"]?.text.flatMap(WebAddress.init) {
        try await answer(
          post(
            verify, .object(["oid": .string(file.sha256), "size": .integer(file.size)]),
            type: "application/vnd.git-lfs+json"))
      }
    }
    progress(file.size)
  }

  private func sendParts(
    _ file: PreparedFile, of size: Int, _ header: JSONValue?, to completion: WebAddress, _ progress: (Int) -> Void
  ) async throws {
    let count = (file.size + size - 1) / size
    let places = (1...count).map { number in
      // Numbers may be filled with zeros.
      guard case .object(let members)? = header else { return nil as WebAddress? }
      return members.first { Int($0.key) == number }?.value.text.flatMap(WebAddress.init)
    }
    var parts: [JSONValue] = []
    for (index, place) in places.enumerated() {
      guard let place else {
        throw HubError.badAnswer("\(completion)", reason: "it has no address for part \(index + 1) of \(count)")
      }
      let offset = index * size
      let head = try await put(file, offset: offset, count: min(size, file.size - offset), [], to: place)
      guard let tag = head["etag"], !tag.isEmpty else {
        throw HubError.badAnswer("\(place)", reason: "it has no ETag")
      }
      parts.append(.object(["partNumber": .integer(index + 1), "etag": .string(tag)]))
      progress(min(offset + size, file.size))
    }
    try await answer(
      post(
        completion, .object(["oid": .string(file.sha256), "parts": .array(parts)]), type: "application/vnd.git-lfs+json"
      ))
  }

  private func put(
    _ file: PreparedFile, offset: Int, count: Int, _ headers: [WebHeader], to place: WebAddress
  ) async throws -> WebHead {
    var request = WebRequest(
      "PUT", place, headers: headers, body: .file(path: file.file.path, offset: offset, count: count))
    // The address itself permits the upload.
    request.isAnonymous = true
    return try await answer(request)
  }

  /// Sends a request whose answer's head alone counts.
  @discardableResult
  private func answer(_ request: WebRequest) async throws -> WebHead {
    try await trying(request.address) {
      var answer = WebAnswer(limit: 1 << 20)
      return try await send(request, to: &answer).head
    }
  }

  // MARK: The commit

  func commit(
    _ files: [PreparedFile], large: Set<String>, to address: HubAddress, parent: String, summary: String,
    createsPullRequest: Bool
  ) async throws -> HubCommit {
    var lines = [
      JSONValue.object([
        "key": .string("header"),
        "value": .object([
          "summary": .string(summary), "description": .string(""), "parentCommit": .string(parent),
        ]),
      ])
    ]
    for file in files {
      let isLarge = large.contains(file.name)
      let value: JSONValue =
        isLarge
        ? .object([
          "path": .string(file.name), "algo": .string("sha256"), "oid": .string(file.sha256),
          "size": .integer(file.size),
        ])
        : .object([
          "path": .string(file.name), "content": .string(Data(try file.bytes).base64EncodedString()),
          "encoding": .string("base64"),
        ])
      lines.append(.object(["key": .string(isLarge ? "lfsFile" : "file"), "value": value]))
    }
    let place = try place(
      ["api", "models"] + address.parts + ["commit", address.branch], query: createsPullRequest ? "create_pr=1" : nil)
    let request = WebRequest(
      "POST", place, headers: [WebHeader("Content-Type", "application/x-ndjson")],
      body: .bytes(Array(lines.map { $0.line + "\n" }.joined().utf8)))
    // Sent once: whether a commit whose answer was lost has been made is not known.
    let (value, answered): (JSONValue, WebAddress)
    do {
      (value, answered) = try await translating(address) {
        var answer = WebAnswer(limit: 1 << 20)
        let (head, answered) = try await send(request, to: &answer)
        return (try self.value(of: answer, head, answered), answered)
      }
    } catch let failure as WebFailure {
      throw HubError.badAnswer(
        "\(place)", reason: "\(failure.reason). Whether the commit was made is not known: look at the repository")
    }
    guard let revision = value["commitOid"]?.text, HubAddress.isCommit(revision) else {
      throw HubError.badAnswer("\(answered)", reason: "it names no commit")
    }
    return HubCommit(
      address: value["commitUrl"]?.text ?? "\(settings.endpoint)/\(address.repository)/commit/\(revision)",
      pullRequest: value["pullRequestUrl"]?.text, revision: revision)
  }
}
