import Checkpoints
import Files
import Foundation
import Synchronization
import Testing

@testable import Hub

@Suite struct DownloadTests {
  let fake: FakeHub

  init() throws { fake = try FakeHub() }

  private var commit: String { fake.state.withLock(\.commit) }

  private func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path))) }

  /// The error that a download ends with; nothing half is left.
  private func failure(_ address: String = "hf:org/name", token: String? = nil, pauses: Pauses = Pauses()) async
    -> String
  {
    do {
      _ = try await fake.fetch(address, token: token, pauses: pauses)
      return ""
    } catch {
      #expect(fake.leftovers == [])
      #expect(!"\(error)".contains(FakeHub.token))
      return "\(error)"
    }
  }

  private func expectWhole(_ fetched: FetchedFolder) throws {
    for name in ["adapter_config.json", "adapter.safetensors", "README.md"] {
      #expect(try bytes("\(fetched.path)/\(name)") == FakeHub.adapter[name])
    }
    #expect(fake.leftovers == [])
  }

  // MARK: The cache

  @Test func filesLieInTheCacheAsHuggingfaceHubLaysThemOut() async throws {
    let fetched = try await fake.fetch()
    try expectWhole(fetched)
    #expect(
      fetched
        == FetchedFolder(
          path: "\(fake.cache)/snapshots/\(commit)", address: "hf:org/name", revision: commit, name: "name"))
    let digest = ContentDigest(of: try #require(FakeHub.adapter["adapter.safetensors"]))
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: "\(fetched.path)/adapter.safetensors")
        == "../../blobs/\(digest)")
    #expect(try String(decoding: bytes("\(fake.cache)/refs/main"), as: UTF8.self) == commit)
    #expect(FileSystem.kind(of: "\(fake.folder)/hub/.locks/models--org--name/\(digest).lock") == .file)
    #expect(FileSystem.kind(of: "\(fake.folder)/hub/CACHEDIR.TAG") == .file)
    let tree = try JSONValue(path: "\(fake.cache)/trees/\(commit).json")
    #expect(tree["format_version"] == .integer(1))
    #expect(tree["files"]?["adapter.safetensors"]?["lfs_sha256"]?.text == "\(digest)")
    #expect(tree["files"]?["notes.txt"]?["size"] == .integer(4))
    #expect(!FileSystem.exists("\(fetched.path)/notes.txt"))
  }

  @Test func aCommitThatIsThereIsUsedWithoutARequest() async throws {
    _ = try await fake.fetch()
    fake.server.clearLog()
    _ = try await fake.fetch("hf:org/name")
    #expect(fake.server.log.map(\.path) == ["/api/models/org/name/revision/main"])
    fake.server.clearLog()
    _ = try await fake.fetch("hf:org/name@\(commit)")
    #expect(fake.server.log.isEmpty)
  }

  @Test func offlineNothingButTheCacheIsUsed() async throws {
    let offline = ["HF_HUB_OFFLINE": "1"]
    let error = await #expect(throws: HubError.self) { try await fake.fetch(environment: offline) }
    #expect(error.map { "\($0)".contains("nothing of this revision is in the cache") } ?? false)
    #expect(fake.server.log.isEmpty)
    let fetched = try await fake.fetch()
    fake.server.clearLog()
    #expect(try await fake.fetch(environment: offline) == fetched)
    try FileSystem.remove("\(fetched.path)/adapter.safetensors")
    let missing = await #expect(throws: HubError.self) { try await fake.fetch(environment: offline) }
    #expect(missing.map { "\($0)".contains("'adapter.safetensors' is missing") } ?? false)
    #expect(fake.server.log.isEmpty)
  }

  @Test func aBranchThatHasMovedIsFollowedAndTheOldCommitStays() async throws {
    let old = try await fake.fetch()
    fake.state.withLock { state in
      state.commit = String(repeating: "c", count: 40)
      state.files["adapter_config.json"] = Array("{}".utf8)
    }
    let new = try await fake.fetch()
    #expect(new.revision == commit && old.revision != commit)
    #expect(try bytes("\(new.path)/adapter_config.json") == Array("{}".utf8))
    try expectWhole(old)
    // The weights, which are the same, are downloaded once.
    #expect(fake.server.log.count { $0.path == "/lfs/adapter.safetensors" } == 1)
  }

  @Test func twoDownloadsAtOnceShareOne() async throws {
    async let first = fake.fetch()
    async let second = fake.fetch()
    let both = try await [first, second]
    #expect(both[0] == both[1])
    try expectWhole(both[0])
    #expect(fake.server.log.count { $0.path == "/lfs/adapter.safetensors" } == 1)
  }

  // MARK: Tokens

  @Test func aTokenGoesToTheHubAndToNoOtherHost() async throws {
    fake.state.withLock { $0.isPrivate = true }
    #expect(await failure().contains("it is private"))
    _ = try await fake.fetch(token: FakeHub.token)
    let log = fake.server.log.suffix(8)
    #expect(log.contains { $0.host == "127.0.0.1" && $0.token == "Bearer \(FakeHub.token)" })
    #expect(log.contains { $0.host == "localhost" })
    #expect(log.allSatisfy { $0.host == "127.0.0.1" || $0.token == nil })
  }

  @Test func aTokenThatAServerRepeatsIsNotShown() async throws {
    fake.fail("revision", TestAnswer(403, ["X-Error-Message": "no permission for \(FakeHub.token) here"]))
    #expect(await failure(token: FakeHub.token).contains("no permission for *** here"))
  }

  // MARK: Faults

  @Test func aDownloadThatIsCutIsTakenUpWhereItEnded() async throws {
    let bytes = FakeHub.adapter["adapter.safetensors"] ?? []
    fake.fail("GET /lfs", TestAnswer(200, [:], bytes, cut: 30_000), TestAnswer(200, [:], bytes, cut: 30_000))
    try expectWhole(await fake.fetch())
    let ranges = fake.server.log.filter { $0.path == "/lfs/adapter.safetensors" }.map { $0.headers["range"] ?? "" }
    #expect(ranges.count == 3 && ranges[0] == "" && ranges[1...].allSatisfy { $0.hasPrefix("bytes=") })
  }

  @Test func aServerWithoutRangesIsAskedForTheWholeAgain() async throws {
    let bytes = FakeHub.adapter["adapter.safetensors"] ?? []
    fake.fail(
      "GET /lfs", TestAnswer(200, [:], bytes, cut: 30_000), TestAnswer(200, ["X-No-Ranges": "1"], bytes))
    try expectWhole(await fake.fetch())
  }

  @Test func whatAKilledDownloadLeftIsTakenUpOrReplaced() async throws {
    let whole = FakeHub.adapter["adapter.safetensors"] ?? []
    let digest = ContentDigest(of: whole)
    for left in [Array(whole.prefix(40_000)), Array(repeating: 7, count: 40_000), whole + [1]] {
      try FileSystem.remove("\(fake.folder)/hub")
      try FileSystem.makeFolders("\(fake.cache)/blobs")
      try Data(left).write(to: URL(filePath: "\(fake.cache)/blobs/\(digest).0123abcd.incomplete"))
      fake.server.clearLog()
      try expectWhole(await fake.fetch())
      let ranges = fake.server.log.filter { $0.path == "/lfs/adapter.safetensors" }.map { $0.headers["range"] }
      #expect(left.count > whole.count ? ranges == [nil] : ranges[0] == "bytes=40000-")
      #expect(ranges.count == (left == Array(whole.prefix(40_000)) || left.count > whole.count ? 1 : 2))
    }
  }

  @Test(arguments: ["adapter.safetensors", "adapter_config.json"])
  func wrongBytesAreRefused(_ name: String) async throws {
    let wrong = (FakeHub.adapter[name] ?? []).map { $0 ^ 1 }
    fake.fail(
      name == "adapter_config.json" ? "GET /org/name/resolve/\(commit)/adapter_config" : "GET /lfs",
      TestAnswer(200, [:], wrong))
    let error = await failure()
    #expect(error.contains("'\(name)'") && error.contains("digest"))
    #expect(!FileSystem.exists("\(fake.cache)/snapshots/\(commit)/\(name)"))
    #expect(!FileSystem.exists("\(fake.cache)/refs/main"))
    try expectWhole(await fake.fetch())
  }

  @Test func aFileOfAnotherSizeIsRefused() async throws {
    fake.fail("GET /lfs", TestAnswer(200, [:], [1, 2, 3]))
    #expect(await failure().contains("3 bytes are announced"))
  }

  @Test func aBusyServerIsGivenTime() async throws {
    let pauses = Pauses()
    fake.fail("tree", TestAnswer(429, ["Retry-After": "7"]))
    fake.fail("HEAD", TestAnswer(500), TestAnswer(503))
    try expectWhole(await fake.fetch(pauses: pauses))
    #expect(pauses.seconds == [7, 1, 2])
  }

  @Test func aServerThatStaysBusyIsReported() async throws {
    let pauses = Pauses()
    fake.fail("revision", TestAnswer(429, ["Retry-After": "300"]))
    #expect(await failure(pauses: pauses).contains("Try again in 300 seconds"))
    #expect(pauses.seconds == [])
    for _ in 0..<5 { fake.fail("revision", TestAnswer(502)) }
    #expect(await failure(pauses: pauses).contains("502"))
    #expect(pauses.seconds == [1, 2, 4, 8])
  }

  @Test func noConnectionIsReportedWithTheAddress() async throws {
    let closed = try TestServer { _ in TestAnswer(500) }.address
    let error = await #expect(throws: HubError.self) { try await fake.fetch(environment: ["HF_ENDPOINT": closed]) }
    #expect(error.map { "\($0)".contains(closed) && "\($0)".contains("HF_HUB_OFFLINE=1") } ?? false)
  }

  @Test func whatTheHubRefusesIsSaidInItsWords() async throws {
    fake.fail("revision", TestAnswer(403, ["X-Error-Code": "GatedRepo"]))
    #expect(await failure().contains("granted by its owners on request"))
    #expect(await failure("hf:org/name@absent").contains("no revision 'absent'"))
    #expect(await failure("hf:org/other").contains("no repository org/other"))
    fake.fail("revision", TestAnswer(307, ["Location": "/api/models/org/name/revision/main"]))
    try expectWhole(await fake.fetch("hf:org/name"))
  }

  @Test func aFileThatIsGoneIsRemembered() async throws {
    fake.fail("HEAD", TestAnswer(404, ["X-Error-Code": "EntryNotFound"]))
    #expect(await failure().contains("no file 'README.md'"))
    #expect(FileSystem.kind(of: "\(fake.cache)/.no_exist/\(commit)/README.md") == .file)
  }

  @Test(arguments: ["revision", "tree", "HEAD", "GET /lfs"])
  func aPageOfAProxyIsRecognized(_ place: String) async throws {
    fake.fail(place, .page)
    #expect(await failure().contains("A proxy or a login page"))
  }

  @Test(arguments: [
    #"{"type": "file", "path": "../x", "size": 1, "oid": "\#(String(repeating: "0", count: 40))"}"#,
    #"{"type": "file", "path": "/x", "size": 1, "oid": "\#(String(repeating: "0", count: 40))"}"#,
    #"{"type": "file", "path": "a/../../x", "size": 1, "oid": "\#(String(repeating: "0", count: 40))"}"#,
    #"{"type": "file", "path": "x", "size": -1, "oid": "\#(String(repeating: "0", count: 40))"}"#,
    #"{"type": "file", "path": "x", "size": 1, "oid": "../../x"}"#,
    #"{"type": "file", "path": "x", "size": 1}"#, #"{"type": "file"}"#,
  ])
  func aTreeWithWhatIsNoFileIsRefused(_ entry: String) async throws {
    fake.state.withLock { $0.extraEntry = entry }
    #expect(await failure().contains("cannot be used"))
    #expect(!FileSystem.exists("\(fake.folder)/hub/models--org--name/snapshots"))
  }

  @Test func anETagThatIsAPathIsRefused() async throws {
    fake.fail("HEAD", TestAnswer(200, ["X-Repo-Commit": commit, "ETag": "\"../../x\""]))
    #expect(await failure().contains("its ETag is no digest"))
  }

  @Test func redirectsWithoutEndAreRefused() async throws {
    for _ in 0..<11 { fake.fail("revision", TestAnswer(302, ["Location": "/api/models/org/name/revision/main"])) }
    #expect(await failure().contains("without end"))
  }

  @Test func withoutTheClientAnAddressIsExplained() async throws {
    let hub = Hub(try HubSettings(environment: ["HF_HOME": fake.folder]), nil)
    let error = await #expect(throws: HubError.self) { try await hub.folder(of: "hf:org/name", wanted: { $0 }) }
    #expect(error.map { "\($0)".contains("built without the client for the Hub") } ?? false)
  }
}
