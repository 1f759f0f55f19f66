internal import Checkpoints

extension HubClient {
  /// The most files that a repository may have, and the most pages that list them.
  private static let fileLimit = 100_000
  private static let pageLimit = 1_000

  /// The commit that a revision stands for now.
  func commit(of address: HubAddress) async throws -> String {
    let place = try place(["api", "models"] + address.parts + ["revision", address.branch])
    let (value, _, answered) = try await json(WebRequest("GET", place), about: address)
    guard let commit = value["sha"]?.text, HubAddress.isCommit(commit) else {
      throw HubError.badAnswer("\(answered)", reason: "it names no commit")
    }
    return commit
  }

  /// The files of a commit.
  func files(of address: HubAddress, at commit: String) async throws -> [HubFile] {
    var next: WebAddress? = try place(
      ["api", "models"] + address.parts + ["tree", commit], query: "recursive=true&expand=false")
    var files: [String: HubFile] = [:]
    var pages = 0
    while let page = next {
      let (value, head, answered) = try await json(WebRequest("GET", page), about: address.at(commit))
      guard case .array(let entries) = value else {
        throw HubError.badAnswer("\(answered)", reason: "it is no list of files")
      }
      for entry in entries {
        guard let file = try HubFile(entry, from: "\(answered)") else { continue }
        files[file.path] = file
      }
      pages += 1
      guard files.count <= Self.fileLimit, pages <= Self.pageLimit else {
        throw HubError.badAnswer("\(answered)", reason: "it lists more than \(Self.fileLimit) files")
      }
      next = try head["link"].flatMap { link in
        guard let reference = Self.nextPage(in: link) else { return nil }
        guard let page = answered.resolving(reference), page.hasOrigin(of: answered) else {
          throw HubError.badAnswer("\(answered)", reason: "its next page is at another host")
        }
        return page
      }
    }
    return files.values.sorted { $0.path < $1.path }
  }

  /// The address between angle brackets that `rel="next"` follows.
  static func nextPage(in link: String) -> String? {
    for part in link.split(separator: ",<") where part.contains("rel=\"next\"") {
      let start = part.first == "<" ? part.dropFirst() : part
      return start.firstIndex(of: ">").map { String(start[..<$0]) }
    }
    return nil
  }

  /// What the Hub says about a file before it is downloaded.
  struct FileHead: Sendable {
    /// What its blob is called in the cache.
    let etag: String
    /// Where its content is.
    let place: WebAddress
  }

  /// Asks for a file's head.
  ///
  /// - Throws: ``HubError``, if the answer belongs to another commit, size or server.
  func head(of file: HubFile, _ address: HubAddress, at commit: String) async throws -> FileHead {
    let place = try place(address.parts + ["resolve", commit] + file.path.split(separator: "/").map(String.init))
    let request = WebRequest("HEAD", place, headers: [WebHeader("Accept-Encoding", "identity")])
    let (head, answered) = try await translating(address.at(commit), file: file.path) {
      try await trying(place) {
        var nothing = WebAnswer(limit: 0)
        return try await send(request, to: &nothing, followsToOtherHosts: false)
      }
    }
    guard let found = head["x-repo-commit"] else {
      throw HubError.notTheHub("\(place)", found: head.isPage ? "a page for a browser" : "no X-Repo-Commit")
    }
    guard found == commit else {
      throw HubError.badAnswer("\(place)", reason: "it is of the commit \(found.prefix(40)), not of \(commit)")
    }
    let etag = (head["x-linked-etag"] ?? head["etag"]).map(Self.unquoted) ?? ""
    // A blob's name comes from outside: it names a file of the cache, and nothing else.
    guard etag.isHexadecimal(digits: 40) || etag.isHexadecimal(digits: 64) else {
      throw HubError.badAnswer("\(place)", reason: "its ETag is no digest")
    }
    let size = head["x-linked-size"].flatMap { Int($0) } ?? (head.isRedirect ? nil : head.contentLength)
    if let size, size != file.size {
      throw HubError.wrongContent(
        "\(address.at(commit))", file: file.path, reason: "\(size) bytes are announced, and the tree lists \(file.size)"
      )
    }
    return FileHead(etag: etag, place: head.isRedirect ? answered : place)
  }

  /// An entity tag without its mark and quotes.
  private static func unquoted(_ tag: String) -> String {
    var tag = tag[...]
    if tag.hasPrefix("W/") { tag = tag.dropFirst(2) }
    return String(tag.filter { $0 != "\"" })
  }
}

extension HubAddress {
  /// Owner and name.
  var parts: [String] { repository.split(separator: "/").map(String.init) }
}
