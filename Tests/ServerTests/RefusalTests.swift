import AdapterHost
import Foundation
import TestSupport
import Testing

@testable import AdapterServer

/// What is wrong has its family's status and a sentence, and hurts no other request.
@Suite struct RefusalTests {
  private var server: TestServer { get async throws { try await TestServer.shared.value } }

  @Test func unknownNamesAreNotFoundInEveryFamily() async throws {
    let tei = try await server.post("/a/nobody/predict", #"{"inputs": "x"}"#)
    #expect(try tei.status == 404 && tei.member("error_type") == .string("NotFound"))
    let openAI = try await server.post("/classify", #"{"input": "x", "model": "nobody"}"#)
    #expect(openAI.status == 404)
    #expect(try openAI.member("error", "type") == .string("NotFoundError"))
    #expect(try openAI.member("error", "param") == .string("model"))
    let infer = try await server.get("/v2/models/nobody")
    #expect(try infer.status == 404 && infer.member("error")?.text?.contains("nobody") == true)
    let own = try await server.post("/api/predict", #"{"inputs": "x", "setup": "Stack(truecase, nobody)"}"#)
    #expect(own.status == 404)
    #expect(try await server.get("/nothing").status == 404)
    #expect(try await server.get("/predict").status == 405)
    // Negative control.
    #expect(try await server.post("/a/truecase", #"{"inputs": "x"}"#).status == 200)
  }

  @Test func namesThatDisagreeAreRefused() async throws {
    let body = #"{"inputs": "x", "model": "debian-facets"}"#
    #expect(try await server.post("/a/debian-section/predict", body).status == 422)
    #expect(try await server.post("/predict", body, ["x-adapter": "debian-section"]).status == 422)
    #expect(try await server.post("/classify", #"{"input": "x", "model": "a"}"#, ["x-adapter": "b"]).status == 422)
    #expect(try await server.post("/a/debian-facets/predict", body).status == 200)
  }

  @Test func whatIsNoRequestHasAStatusAndASentence() async throws {
    let bodies: [(path: String, body: String, status: Int)] = [
      ("/predict", "{", 422), ("/classify", "{", 400), ("/api/predict", "{", 400),
      ("/v2/models/truecase/infer", "{", 400), ("/predict", "[]", 422), ("/predict", #"{"inputs": 3}"#, 422),
      ("/predict", "{}", 422), ("/a/debian-section/predict", #"{"inputs": []}"#, 400),
      ("/a/truecase/predict", #"{"inputs": "x"}"#, 424), ("/classify", #"{"input": "x", "model": "truecase"}"#, 400),
      ("/predict", #"{"inputs": "x"}"#, 422),
      ("/rerank", #"{"query": "x", "texts": ["y"], "model": "debian-section"}"#, 424),
      ("/api/predict", #"{"inputs": "x", "thresold": 3}"#, 422),
      ("/api/predict", #"{"inputs": "x", "setup": "Stack("}"#, 422),
      ("/embed", #"{"inputs": [1, 2, 100000000]}"#, 422), ("/embed", #"{"inputs": "x", "dimensions": 1000000}"#, 422),
      ("/decode", #"{"ids": [99999999999]}"#, 422),
      ("/a/debian-section/predict", "{\"inputs\": \(String(repeating: "[", count: 5000))", 422),
      (
        "/v2/models/truecase/infer",
        #"{"inputs": [{"name": "text", "shape": [9223372036854775807, 9], "datatype": "BYTES", "data": ["x"]}]}"#, 400
      ),
      (
        "/v2/models/truecase/infer",
        #"{"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": 9}}]}"#,
        400
      ),
    ]
    for (path, body, status) in bodies {
      let answer = try await server.post(path, body)
      #expect(answer.status == status, "\(path) \(body.prefix(80)): \(answer.text)")
      #expect(try answer.member("error") != nil, "\(path) \(body.prefix(80))")
    }
    #expect(try await server.get("/health").status == 200)
  }

  @Test func aRequestHasAtMost32Texts() async throws {
    func body(_ count: Int) -> String {
      "{\"inputs\": [\(Array(repeating: "[\"x\"]", count: count).joined(separator: ","))]}"
    }
    let tooMany = try await server.post("/a/debian-section/predict", body(33))
    #expect(try tooMany.status == 422 && tooMany.member("error_type") == .string("Validation"))
    #expect(try await server.post("/a/debian-section/predict", body(32)).status == 200)
  }

  @Test func aBodyThatIsTooLargeIsRefused() async throws {
    let body = "{\"inputs\": \"\(String(repeating: "x", count: 2_000_000))\"}"
    #expect(try await server.post("/a/debian-section/predict", body).status == 413)
    #expect(try await server.post("/a/debian-section/predict", String(body.dropFirst(100_000))).status == 422)
  }

  @Test func keysOpenRoutesAndTheirQuotaEnds() async throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("# keys\nsecret alice\nsmall bob 3\n", as: "keys")
    let server = try await TestServer { $0.apiKeys = file }
    defer { server.stop() }
    let body = #"{"inputs": "a game"}"#
    let path = "/a/debian-section/predict"
    let without = try await server.post(path, body)
    #expect(without.status == 401 && without.data.isEmpty)
    #expect(try await server.post(path, body, ["Authorization": "Bearer wrong"]).status == 401)
    #expect(try await server.post(path, body, ["Authorization": "Bearer secret"]).status == 200)
    #expect(try await server.get("/health").status == 200)
    #expect(try await server.get("/metrics").status == 200)
    #expect(try await server.post(path, body, ["Authorization": "Bearer small"]).status == 200)
    let spent = try await server.post(path, body, ["Authorization": "Bearer small"])
    #expect(try await server.post("/tokenize", #"{"inputs": "x"}"#, ["Authorization": "Bearer small"]).status == 429)
    #expect(spent.status == 429 && Int(spent.headers["retry-after"] ?? "") ?? 0 >= 1)
  }

  @Test func adaptersAreLoadedWithTheTokenFromAllowedFoldersAlone() async throws {
    let path = "/v1/load_lora_adapter"
    #expect(try await self.server.post(path, "{}").status == 404)
    let folder = try TemporaryFolder()
    let token = try folder.write("admin\n", as: "token")
    let server = try await TestServer { $0.adminToken = token }
    defer { server.stop() }
    let admin = ["Authorization": "Bearer admin"]
    func body(_ name: String, _ path: String) -> String { #"{"lora_name": "\#(name)", "lora_path": "\#(path)"}"# }
    #expect(try await server.post(path, body("mine", "truecase")).status == 401)
    #expect(try await server.post(path, body("mine", "truecase"), ["Authorization": "Bearer no"]).status == 403)
    #expect(try await server.post(path, "{}", admin).status == 400)
    for outside in ["/etc", "../Models/deberta-v3-tiny-en", folder.path, "nothing"] {
      #expect(try await server.post(path, body("mine", outside), admin).status == 404, "\(outside)")
    }
    try FileManager.default.createSymbolicLink(atPath: folder.path("link"), withDestinationPath: "/etc")
    #expect(try await server.post(path, body("mine", folder.path("link")), admin).status == 404)
    let loaded = try await server.post(path, body("mine", "truecase"), admin)
    #expect(loaded.status == 200 && loaded.text.hasPrefix("Success:"))
    #expect(try await server.post(path, body("mine", "truecase"), admin).status == 400)
    #expect(try await server.get("/v1/models").text.contains("\"mine\""))
    #expect(try await server.post("/a/mine", #"{"inputs": "linux"}"#).status == 200)
    #expect(try await server.post("/v1/unload_lora_adapter", #"{"lora_name": "mine"}"#, admin).status == 200)
    #expect(try await server.post("/a/mine", #"{"inputs": "linux"}"#).status == 404)
    #expect(try await server.post("/v1/unload_lora_adapter", #"{"lora_name": "mine"}"#, admin).status == 404)
  }

  @Test func theRepositoryOfVersion2LoadsAndUnloads() async throws {
    let load = "/v2/repository/models/truecase/load"
    #expect(try await self.server.post(load, "").status == 404)
    let folder = try TemporaryFolder()
    let token = try folder.write("admin\n", as: "token")
    let server = try await TestServer { $0.adminToken = token }
    defer { server.stop() }
    let admin = ["Authorization": "Bearer admin"]
    func residents() async throws -> Double? {
      let lines = try await server.get("/metrics").text.split(separator: "\n")
      return lines.first { $0.hasPrefix("ah_adapters_resident ") }.flatMap { Double($0.drop { $0 != " " }.dropFirst()) }
    }
    #expect(try await server.post(load, "").status == 401)
    #expect(try await server.post("/v2/repository/models/nobody/load", "", admin).status == 404)
    #expect(try await residents() == 0)
    #expect(try await server.post(load, "", admin).status == 200)
    #expect(try await residents() == 1)
    #expect(try await server.get("/metrics").text.contains("ah_adapter_load_seconds_count 1"))
    #expect(try await server.post("/v2/repository/models/truecase/unload", "{}", admin).status == 200)
    #expect(try await residents() == 0)
    let path = #"{"parameters": {"lora_path": "truecase"}}"#
    #expect(try await server.post("/v2/repository/models/mine/load", path, admin).status == 200)
    #expect(try await server.post("/a/mine", #"{"inputs": "linux"}"#).status == 200)
    #expect(try await server.post("/v2/repository/models/mine/unload", "", admin).status == 200)
    #expect(try await server.post("/a/mine", #"{"inputs": "linux"}"#).status == 404)
    #expect(try await server.post("/v2/repository/models/mine/load", "{", admin).status == 400)
  }

  @Test(arguments: [
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
  ])
  func aTraceOfTheHeaderIsRead(_ text: String) {
    #expect(TraceParent(text)?.trace == "4bf92f3577b34da6a3ce929d0e0e4736")
  }

  @Test(arguments: [
    "", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
  ])
  func aHeaderThatIsNoTraceIsNone(_ text: String) { #expect(TraceParent(text) == nil) }

  @Test func aFullQueueIs429WithTheSecondsToWait() async throws {
    let server = try await TestServer {
      $0.limits.queue = .zero
      $0.limits.slice = .milliseconds(1)
    }
    defer { server.stop() }
    let text = String(repeating: "many words about a game ", count: 30)
    let body = "{\"inputs\": [\(Array(repeating: "[\"\(text)\"]", count: 32).joined(separator: ","))]}"
    let answers = try await withThrowingTaskGroup(of: TestServer.Answer.self) { group in
      for _ in 0..<12 { group.addTask { try await server.post("/a/debian-section/predict", body) } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(answers.contains { $0.status == 200 })
    let refused = answers.filter { $0.status != 200 }
    #expect(!refused.isEmpty)
    for answer in refused { #expect(answer.status == 429 && Int(answer.headers["retry-after"] ?? "") ?? 0 >= 1) }
  }

  @Test func aDeadlineThatPassesIs504() async throws {
    let server = try await TestServer {
      $0.limits.slice = .milliseconds(1)
      $0.limits.queue = .seconds(3600)
    }
    defer { server.stop() }
    let text = String(repeating: "many words about a game ", count: 60)
    let body = "{\"inputs\": [\(Array(repeating: "[\"\(text)\"]", count: 32).joined(separator: ","))]}"
    async let busy = server.post("/a/debian-section/predict", body)
    // A text that could be computed in time, but waits behind the others.
    let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<8 {
        group.addTask {
          try await server.post(
            "/a/debian-section/predict", #"{"inputs": "x"}"#, ["x-request-timeout-ms": "1"]
          ).status
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(statuses.contains(504) && statuses.allSatisfy { $0 == 504 || $0 == 200 }, "\(statuses)")
    #expect(try await busy.status == 200)
  }

  @Test func whatWouldGrowWithoutBoundsIsRefusedWithASentence() async throws {
    let long = String(repeating: "a ", count: 50_000)
    let twice = #""outputs": [{"name": "logits"}, {"name": "logits"}]"#
    let once = #""outputs": [{"name": "logits"}]"#
    func infer(_ outputs: String) -> String {
      "{\"inputs\": [{\"name\": \"text\", \"shape\": [1], \"datatype\": \"BYTES\", \"data\": [\"x\"]}], \(outputs)}"
    }
    let slots = String(repeating: "{}", count: 100_000)
    let bodies: [(path: String, body: String, status: Int, says: String)] = [
      ("/v2/models/truecase/infer", infer(once), 200, "logits"),
      ("/v2/models/truecase/infer", infer(twice), 400, "twice"),
      ("/api/predict", #"{"inputs": "x", "setup": "truecase", "heads": ["truecase", "truecase"]}"#, 422, "twice"),
      ("/api/predict", #"{"inputs": "x", "adapters": ["truecase", "truecase"]}"#, 422, "twice"),
      ("/a/truecase", "{\"inputs\": \"\(long)\"}", 200, "entity"),
      ("/a/truecase", "{\"inputs\": \"\(long)\", \"parameters\": {\"stride\": 509}}", 422, "windows"),
      ("/api/predict", #"{"inputs": "x", "setup": "truecase", "max_length": 9223372036854775807}"#, 422, "distances"),
      ("/classify", #"{"input": "x", "model": "debian-section", "truncate_prompt_tokens": 100000}"#, 400, "distances"),
      ("/tokenize", "{\"inputs\": \"\(String(repeating: "a ", count: 600_000))\"}", 422, "bytes"),
      (
        "/api/predict", "{\"inputs\": \"x\", \"zero_shot\": [\"\(long)\"], \"hypothesis_template\": \"\(slots)\"}", 422,
        "template"
      ),
    ]
    for (path, body, status, says) in bodies {
      let answer = try await server.post(path, body)
      #expect(answer.status == status, "\(path) \(body.prefix(80)): \(answer.text.prefix(300))")
      #expect(answer.text.contains(says), "\(path) \(body.prefix(80)): \(answer.text.prefix(300))")
    }
  }

  @Test(arguments: [
    ("debian-section", "debian-section"), ("a b", #""a b""#), ("a\tid=fake", #""a\tid=fake""#), ("", #""""#),
    ("a\u{9B}31m", #""a\u009b31m""#), ("a\u{202E}b", #""a\u202eb""#), ("x=y", #""x=y""#),
  ])
  func aValueInTheLogIsOneFieldAndActsOnNoTerminal(_ value: String, _ written: String) {
    #expect(TextLogHandler.field(value) == written)
  }

  @Test func whoIsGoneIsNotComputedFor() async throws {
    let server = try await TestServer {
      $0.limits.slice = .milliseconds(1)
      $0.limits.queue = .seconds(3600)
    }
    defer { server.stop() }
    let text = String(repeating: "many words about a game ", count: 60)
    let body = "{\"inputs\": [\(Array(repeating: "[\"\(text)\"]", count: 32).joined(separator: ","))]}"
    for _ in 0..<4 { server.abandon("/a/debian-section/predict", body) }
    var (metrics, rounds) = ("", 0)
    repeat {
      try await Task.sleep(for: .milliseconds(20))
      metrics = try await server.get("/metrics").text
      rounds += 1
    } while rounds < 1000 && !(metrics.contains("\nte_queue_size 0.0") && metrics.contains("err=\"dropped\""))
    #expect(metrics.contains("err=\"dropped\""))
    #expect(try await server.post("/a/debian-section/predict", #"{"inputs": "x"}"#).status == 200)
  }
}
