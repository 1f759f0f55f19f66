import Checkpoints
import Files
import Foundation
import Synchronization
import Testing

@testable import Hub

@Suite struct UploadTests {
  let fake: FakeHub
  private let weights: [UInt8] = (0..<100_000).map { UInt8($0 % 241) }
  private let small: [UInt8] = Array("small".utf8)

  init() throws {
    fake = try FakeHub(["README.md": Array("# Theirs".utf8)])
    try Data(weights).write(to: URL(filePath: "\(fake.folder)/adapter.safetensors"))
    try Data(small).write(to: URL(filePath: "\(fake.folder)/head.safetensors"))
    try Data("{}".utf8).write(to: URL(filePath: "\(fake.folder)/adapter_config.json"))
    try Data("# Ours".utf8).write(to: URL(filePath: "\(fake.folder)/README.md"))
  }

  private var files: [UploadedFile] {
    ["adapter.safetensors", "head.safetensors", "adapter_config.json", "README.md"].map {
      UploadedFile(name: $0, path: "\(fake.folder)/\($0)", isOptional: $0 == "README.md")
    }
  }

  private func upload(isPrivate: Bool = false, createsPullRequest: Bool = false) async throws -> HubCommit {
    try await fake.hub(token: FakeHub.token).upload(
      files, to: HubAddress("hf:org/name"), summary: "Upload", isPrivate: isPrivate,
      createsPullRequest: createsPullRequest)
  }

  @Test func filesArriveAsOneCommitAfterTheNewestOne() async throws {
    let commit = try await upload()
    #expect(commit.address == "http://hub/org/name/commit/b" && commit.pullRequest == nil)
    let state = fake.state.withLock { $0 }
    #expect(state.objects["\(ContentDigest(of: weights))"] == weights)
    #expect(state.objects["\(ContentDigest(of: small))"] == small)
    // The large one in parts, the small one at once.
    #expect(fake.server.log.count { $0.path.hasPrefix("/lfs/part") } == 3)
    #expect(fake.server.log.count { $0.path.hasPrefix("/lfs/put") } == 1)
    let lines = try #require(state.commits.first)
    #expect(lines.compactMap { $0["key"]?.text } == ["header", "lfsFile", "lfsFile", "file"])
    #expect(lines[3]["value"]?["content"]?.text == Data("{}".utf8).base64EncodedString())
    #expect(lines[1]["value"]?["oid"]?.text == "\(ContentDigest(of: weights))")
  }

  @Test func aTokenDoesNotGoWithLargeFiles() async throws {
    _ = try await upload()
    #expect(fake.server.log.contains { $0.method == "PUT" })
    for request in fake.server.log where request.method == "PUT" || request.host != "127.0.0.1" {
      #expect(request.token == nil)
    }
  }

  @Test func aRepositoryIsMadeIfThereIsNone() async throws {
    fake.state.withLock { $0.exists = false }
    _ = try await upload(isPrivate: true)
    #expect(fake.state.withLock { $0.isPrivate && $0.commits.count == 1 })
  }

  @Test func aPublicRepositoryIsRefusedWhereAPrivateOneWasMeant() async throws {
    let error = await #expect(throws: HubError.self) { try await upload(isPrivate: true) }
    #expect(error.map { "\($0)".contains("The repository is public") } ?? false)
    #expect(fake.state.withLock { $0.commits.isEmpty && $0.objects.isEmpty })
  }

  @Test func aPullRequestIsMadeOnRequest() async throws {
    #expect(try await upload(createsPullRequest: true).pullRequest == "http://hub/org/name/discussions/1")
  }

  @Test func whatIsThereAlreadyIsNotSentAgain() async throws {
    fake.state.withLock { state in
      state.files = [
        "adapter.safetensors": weights, "head.safetensors": small, "adapter_config.json": Array("{}".utf8),
        "README.md": Array("# Theirs".utf8),
      ]
    }
    #expect(try await upload().address == nil)
    #expect(fake.server.log.allSatisfy { $0.method == "GET" })
  }

  @Test func aBranchThatMovedMeanwhileIsReportedAndTheCommitIsNotTriedAgain() async throws {
    fake.fail("POST /api/models/org/name/commit", TestAnswer(412))
    let error = await #expect(throws: HubError.self) { try await upload() }
    #expect(error.map { "\($0)".contains("someone else at the same time") } ?? false)
    #expect(fake.server.log.count { $0.path.contains("/commit/") } == 1)
    fake.fail("POST /api/models/org/name/commit", TestAnswer(500))
    await #expect(throws: HubError.self) { try await upload() }
    #expect(fake.server.log.count { $0.path.contains("/commit/") } == 2)
  }

  @Test func anUploadThatFailsOnceIsTriedAgain() async throws {
    fake.fail("PUT /lfs/part", TestAnswer(500))
    _ = try await upload()
    #expect(fake.state.withLock { $0.objects["\(ContentDigest(of: weights))"] } == weights)
  }

  @Test func withoutATokenOrABranchNothingIsUploaded() async throws {
    let address = try HubAddress("hf:org/name")
    #expect(throws: HubError.noToken(address)) { try fake.hub().requireUpload(to: address) }
    for text in ["hf:name", "hf:org/name@\(String(repeating: "0", count: 40))"] {
      #expect(throws: HubError.self) { try fake.hub(token: FakeHub.token).requireUpload(to: HubAddress(text)) }
    }
    #expect(fake.server.log.isEmpty)
  }
}
