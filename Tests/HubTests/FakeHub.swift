import Checkpoints
import Files
import Foundation
import Synchronization
import Testing

@testable import Hub

/// A Hub with one repository, as its real answers were recorded: large files lie at another host.
final class FakeHub: Sendable {
  struct State: Sendable {
    var files: [String: [UInt8]]
    var commit = String(repeating: "a", count: 40)
    var isPrivate = false
    /// Answers in place of its own, each used once, to requests whose method and path contain the words.
    var faults: [(words: String, answer: TestAnswer)] = []
    var extraEntry = ""
    var pageSize = 2
    var exists = true
    var objects: [String: [UInt8]] = [:]
    var parts: [String: [UInt8]] = [:]
    var commits: [[JSONValue]] = []
  }

  static let token = "hf_secret"
  static let repository = "org/name"
  let state: Mutex<State>
  private let running: Mutex<TestServer?> = Mutex(nil)
  let folder: String

  init(_ files: [String: [UInt8]] = FakeHub.adapter) throws {
    state = Mutex(State(files: files))
    folder = FileManager.default.temporaryDirectory.path() + "/hub-tests-\(UUID().uuidString)"
    try FileSystem.makeFolders(folder)
    let server = try TestServer { [weak self] request in self?.answer(request) ?? TestAnswer(500) }
    running.withLock { $0 = server }
  }

  deinit { try? FileSystem.remove(folder) }

  /// The files of an adapter; what ends with `.safetensors` is large.
  static let adapter: [String: [UInt8]] = [
    "adapter_config.json": Array(#"{"name": "a"}"#.utf8), "adapter.safetensors": (0..<100_000).map { UInt8($0 % 251) },
    "README.md": Array("# A".utf8), "notes.txt": Array("left".utf8),
  ]

  var server: TestServer { running.withLock { $0! } }

  var cache: String { "\(folder)/hub/models--org--name" }

  /// A client of it.
  func hub(
    token: String? = nil, pauses: Pauses = Pauses(), environment: [String: String] = [:]
  ) throws -> Hub {
    var variables = ["HF_ENDPOINT": server.address, "HF_HOME": folder, "HF_TOKEN": token ?? ""]
    variables.merge(environment) { $1 }
    let settings = try HubSettings(environment: variables)
    return Hub(settings, NetworkTransport(settings.proxies)) { pauses.add($0) }
  }

  func fetch(
    _ address: String = "hf:org/name", token: String? = nil, pauses: Pauses = Pauses(),
    environment: [String: String] = [:]
  ) async throws -> FetchedFolder {
    try await hub(token: token, pauses: pauses, environment: environment)
      .folder(of: address, wanted: { $0.filter { $0 != "notes.txt" } })
  }

  func fail(_ words: String, _ answers: TestAnswer...) {
    state.withLock { state in state.faults += answers.map { (words, $0) } }
  }

  /// Files that a failure must not leave.
  var leftovers: [String] {
    let all = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
    return all.filter { $0.hasSuffix(".incomplete") || $0.hasSuffix(".tmp") || $0.hasSuffix(".download") }
  }

  // MARK: Answers

  private func answer(_ request: ReceivedRequest) -> TestAnswer {
    let fault = state.withLock { state -> TestAnswer? in
      let place = state.faults.firstIndex { "\(request.method) \(request.path)".contains($0.words) }
      return place.map { state.faults.remove(at: $0).answer }
    }
    if let fault { return ranged(fault, request) }
    let parts = request.path.split(separator: "/").map(String.init)
    let state = state.withLock { $0 }
    if request.method != "GET", request.method != "HEAD" { return change(request, parts) }
    if parts.first == "lfs" {
      return request.token == nil ? ranged(TestAnswer(200, [:], state.files[parts[1]] ?? []), request) : TestAnswer(400)
    }
    if !state.exists || state.isPrivate && request.token != "Bearer \(Self.token)" {
      return TestAnswer(401, ["X-Error-Code": "RepoNotFound"], Array(#"{"error": "not found"}"#.utf8))
    }
    if request.path.hasPrefix("/api/models/org/name/revision/") {
      guard [state.commit, "main"].contains(parts[5]) else {
        return TestAnswer(404, ["X-Error-Code": "RevisionNotFound"])
      }
      return .json(#"{"sha": "\#(state.commit)", "private": \#(state.isPrivate)}"#)
    }
    if request.path.hasPrefix("/api/models/org/name/tree/") { return tree(state, request) }
    if parts.count == 5, parts[0...2] == ["org", "name", "resolve"] { return file(parts[4], state, request) }
    return TestAnswer(404)
  }

  private func tree(_ state: State, _ request: ReceivedRequest) -> TestAnswer {
    var entries = state.files.keys.sorted().map { path in
      let bytes = state.files[path] ?? []
      let common = #""type": "file", "path": "\#(path)", "size": \#(bytes.count), "oid": "\#(Self.blob(bytes))""#
      return Self.isLarge(path)
        ? #"{\#(common), "lfs": {"oid": "\#(ContentDigest(of: bytes))", "size": \#(bytes.count), "pointerSize": 130}}"#
        : "{\(common)}"
    }
    entries.append(#"{"type": "directory", "path": "folder", "oid": ""}"#)
    if !state.extraEntry.isEmpty { entries.append(state.extraEntry) }
    let start = request.query.split(separator: "=").last.flatMap { Int($0) } ?? 0
    let end = min(start + state.pageSize, entries.count)
    let next = #"<\#(server.address)\#(request.path)?cursor=\#(end)>; rel="next""#
    return .json("[\(entries[start..<end].joined(separator: ","))]", end < entries.count ? ["Link": next] : [:])
  }

  private func file(_ path: String, _ state: State, _ request: ReceivedRequest) -> TestAnswer {
    guard let bytes = state.files[path] else {
      return TestAnswer(404, ["X-Error-Code": "EntryNotFound", "X-Repo-Commit": state.commit])
    }
    if Self.isLarge(path) {
      return TestAnswer(
        302,
        [
          "X-Repo-Commit": state.commit, "X-Linked-Etag": "\"\(ContentDigest(of: bytes))\"",
          "X-Linked-Size": "\(bytes.count)", "Location": "http://localhost:\(server.port)/lfs/\(path)?signature=secret",
        ])
    }
    let headers = ["X-Repo-Commit": state.commit, "ETag": "\"\(Self.blob(bytes))\""]
    return ranged(TestAnswer(200, headers, bytes), request)
  }

  /// The part of a body that is requested.
  private func ranged(_ answer: TestAnswer, _ request: ReceivedRequest) -> TestAnswer {
    guard answer.status == 200, answer.headers["X-No-Ranges"] == nil,
      let start = request.headers["range"].flatMap({ Int($0.dropFirst(6).dropLast()) })
    else { return answer }
    var part = answer
    part.status = 206
    part.headers["Content-Range"] = "bytes \(start)-\(answer.body.count - 1)/\(answer.body.count)"
    part.body = Array(answer.body.dropFirst(start))
    return part
  }

  static func isLarge(_ path: String) -> Bool { path.hasSuffix(".safetensors") }

  static func blob(_ bytes: [UInt8]) -> String { SHA1.hexadecimal(of: Array("blob \(bytes.count)\0".utf8) + bytes) }

  // MARK: Uploads

  private func change(_ request: ReceivedRequest, _ parts: [String]) -> TestAnswer {
    func json(_ bytes: some Sequence<UInt8>) -> JSONValue { (try? JSONValue(Data(bytes), file: "")) ?? .null }
    if parts[0] == "lfs" {
      guard request.method == "POST" || request.token == nil else { return TestAnswer(400) }
      return state.withLock { state in
        switch parts[1] {
        case "put": state.objects[parts[2]] = request.body
        case "part": state.parts[parts[3]] = request.body
        case "complete":
          guard case .array(let list)? = json(request.body)["parts"], list.count == state.parts.count,
            list.allSatisfy({ $0["etag"]?.text == "\"\($0["partNumber"]?.count ?? 0)\"" })
          else { return TestAnswer(400) }
          state.objects[parts[2]] = (1...list.count).flatMap { state.parts["\($0)"] ?? [] }
        default:
          guard json(request.body)["size"]?.count == state.objects[parts[2]]?.count else { return TestAnswer(400) }
        }
        return TestAnswer(200, ["ETag": "\"\(parts.last ?? "")\""])
      }
    }
    guard request.token == "Bearer \(Self.token)" else { return TestAnswer(401) }
    return state.withLock { state in
      switch request.path {
      case "/api/repos/create":
        (state.exists, state.isPrivate) = (true, json(request.body)["private"] == .bool(true))
        return .json("{}")
      case "/api/validate-yaml": return .json(#"{"errors": [], "warnings": []}"#)
      case "/api/models/org/name/preupload/main":
        guard case .array(let files)? = json(request.body)["files"] else { return TestAnswer(400) }
        let modes = files.compactMap { $0["path"]?.text }.map { path in
          #"{"path": "\#(path)", "uploadMode": "\#(Self.isLarge(path) ? "lfs" : "regular")", "shouldIgnore": false}"#
        }
        return .json(#"{"files": [\#(modes.joined(separator: ","))]}"#)
      case "/org/name.git/info/lfs/objects/batch":
        guard case .array(let objects)? = json(request.body)["objects"] else { return TestAnswer(400) }
        let answers = objects.map { object in
          let (oid, size) = (object["oid"]?.text ?? "", object["size"]?.count ?? 0)
          let lfs = "http://localhost:\(server.port)/lfs"
          let parts = (1...max(1, (size + 39_999) / 40_000)).map { #""0\#($0)": "\#(lfs)/part/\#(oid)/\#($0)""# }
          let upload =
            size > 40_000
            ? #"{"href": "\#(server.address)/lfs/complete/\#(oid)", "header": {"chunk_size": "40000", \#(parts.joined(separator: ", "))}}"#
            : #"{"href": "\#(lfs)/put/\#(oid)"}"#
          return
            #"{"oid": "\#(oid)", "actions": {"upload": \#(upload), "verify": {"href": "\#(server.address)/lfs/verify/\#(oid)"}}}"#
        }
        return .json(#"{"objects": [\#(answers.joined(separator: ","))]}"#)
      case "/api/models/org/name/commit/main":
        let lines = request.body.split(separator: UInt8(ascii: "\n")).map { json($0) }
        guard lines.first?["value"]?["parentCommit"]?.text == state.commit else { return TestAnswer(412) }
        state.commits.append(lines)
        let url = request.query == "create_pr=1" ? #", "pullRequestUrl": "http://hub/org/name/discussions/1""# : ""
        return .json(
          #"{"commitOid": "\#(String(repeating: "b", count: 40))", "commitUrl": "http://hub/org/name/commit/b"\#(url)}"#
        )
      default: return TestAnswer(404)
      }
    }
  }
}

/// The waits that a client asked for; none is waited for.
final class Pauses: Sendable {
  private let list = Mutex<[Int]>([])

  func add(_ seconds: Int) { list.withLock { $0.append(seconds) } }

  var seconds: [Int] { list.withLock { $0 } }
}
