import AdapterHost
import Foundation
import TestSupport
import Testing

@testable import AdapterServer

/// What known clients send is answered as they read it.
@Suite struct RouteTests {
  private var server: TestServer { get async throws { try await TestServer.shared.value } }

  private func expected(_ setup: String, _ texts: [String]) throws -> [Prediction] {
    let location = RegistryLocation(given: Fixtures.root.appending(path: "registry.sqlite").path)
    let workspace = try Workspace(WorkspaceRequest(setup: setup), location: location)
    return try Predictor(workspace.loadModel(), workspace.loadTokenizer()).predict(texts)
  }

  @Test func predictAnswersAsTheProgramPrints() async throws {
    let texts = ["a library for reading pdf files", "أداة صغيرة 🦊 for ünïcode", ""]
    for setup in ["debian-section", "truecase", "Parallel(debian-section, debian-facets)"] {
      let body = JSONLine.object([
        ("inputs", JSONLine.strings(texts)), ("setup", JSONValue.string(setup).line), ("scores", "true"),
      ])
      let answer = try await server.post("/api/predict", body)
      let lines = try expected(setup, texts).map { $0.json(allScores: true) }
      #expect(answer.text == "{\"answers\": [\(lines.joined(separator: ", "))]}")
      #expect(answer.headers["x-adapter"] == setup)
    }
  }

  @Test func severalAdaptersAnswerOneText() async throws {
    let answer = try await server.post(
      "/api/predict", #"{"inputs": "a game", "adapters": ["debian-section", "wordnet-domain"], "scores": true}"#)
    for name in ["debian-section", "wordnet-domain"] {
      let own = try expected(name, ["a game"])[0].json(allScores: true)
      #expect(try answer.member("answers", "0", name)?.line == JSONValue(Data(own.utf8), file: "").line)
    }
  }

  @Test func aClassificationHasTheShapeThatItsClientReads() async throws {
    let path = "/a/debian-section/predict"
    guard case .label(let best, let all)? = try expected("debian-section", ["a game"])[0].answers.first?.answer else {
      Issue.record("no label")
      return
    }
    let single = try await server.post(path, #"{"inputs": "a game"}"#)
    #expect(try single.json.elements?.count == all.count)
    #expect(try single.member("0", "label") == .string(best.label))
    let scores = try single.json.elements?.compactMap { Body(["x": $0]) }.compactMap {
      try $0.object("x")?.number("score")
    }
    #expect(scores == scores?.sorted(by: >) && scores?.count == all.count)
    let batch = try await server.post(path, #"{"inputs": [["a game"], ["a game", "pair"]]}"#)
    #expect(try batch.json.elements?.count == 2)
    #expect(try batch.member("0")?.line == single.json.line)
    let pipeline = try await server.post(path, #"{"inputs": "a game", "parameters": {"top_k": 2}}"#)
    #expect(try pipeline.json.elements?.count == 1 && pipeline.member("0")?.elements?.count == 2)
    let raw = try await server.post(path, #"{"inputs": "a game", "raw_scores": true}"#)
    #expect(try raw.member("0", "label") == .string(best.label) && raw.text != single.text)
  }

  @Test func aTextWithoutAMaskIsNotFilled() async throws {
    let path = "/a/deberta-v3-tiny-en"
    // Negative control: without parameters of fill-mask the text's vector is wanted.
    #expect(try await server.post(path, #"{"inputs": "no mask", "parameters": {}}"#).json.elements?.count == 1)
    for body in [
      #"{"inputs": "no mask", "parameters": {"top_k": 2}}"#, #"{"inputs": "a <mask> dog"}"#,
      #"{"inputs": ["a [MASK]", "no mask"]}"#, #"{"inputs": "no mask", "parameters": {"targets": ["a"]}}"#,
    ] {
      let refused = try await server.post(path, body)
      #expect(refused.status == 422 && refused.text.contains("the text has no [MASK]"), "\(body)")
    }
  }

  @Test func choicesTakeAnyCaseAndAreNamedWhenTheyAreUnknown() async throws {
    let path = "/a/truecase"
    let plain = try await server.post(path, #"{"inputs": "a b", "parameters": {"aggregation_strategy": "first"}}"#)
    let upper = try await server.post(path, #"{"inputs": "a b", "parameters": {"aggregation_strategy": "FIRST"}}"#)
    #expect(plain.status == 200 && plain.text == upper.text)
    let refused = try await server.post(path, #"{"inputs": "a b", "parameters": {"aggregation_strategy": "best"}}"#)
    #expect(refused.status == 422 && refused.text.contains("is 'best'; expected one of"))
    let short = try await server.post(path, #"{"inputs": "linux from germany", "parameters": {"max_length": 4}}"#)
    #expect(short.status == 200 && !short.text.contains("germany"))
  }

  @Test func taggingAndMasksHaveThePipelinesShapes() async throws {
    let tags = try await server.post("/a/truecase", #"{"inputs": "linux from germany", "parameters": {}}"#)
    #expect(try tags.member("0", "word") != nil && tags.member("0", "entity_group") != nil)
    let masks = try await server.post(
      "/a/deberta-v3-tiny-en", #"{"inputs": "a small [MASK]", "parameters": {"top_k": 3}}"#)
    #expect(try masks.json.elements?.count == 3 && masks.member("0", "token_str") != nil)
    let scores = try await server.post(
      "/a/deberta-v3-tiny-en", #"{"inputs": {"source_sentence": "a cat", "sentences": ["a cat", "tax law"]}}"#)
    let values = try scores.json.elements ?? []
    #expect(values.count == 2 && values[0].line.hasPrefix("1"))
    let refused = try await server.post("/a/truecase", #"{"inputs": "x", "parameters": {"top_k": 3}}"#)
    #expect(refused.status == 422 && refused.text.contains("top_k"))
  }

  @Test func vectorsCanBeFloatsOrBase64() async throws {
    let floats = try await server.post("/v1/embeddings", #"{"input": ["a", "b"], "model": "truecase"}"#)
    let coded = try await server.post(
      "/v1/embeddings", #"{"input": ["a", "b"], "model": "truecase", "encoding_format": "base64"}"#)
    let numbers = try floats.member("data", "1", "embedding")?.elements ?? []
    let text = try coded.member("data", "1", "embedding")?.text ?? ""
    let bytes = Data(base64Encoded: text) ?? Data()
    #expect(bytes.count == numbers.count * 4 && !numbers.isEmpty)
    let first = bytes.prefix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    #expect(JSONLine.number(Float(bitPattern: first)) == numbers[0].line)
  }

  @Test func vLLMsClassificationIsInTheOrderOfTheClasses() async throws {
    let answer = try await server.post("/classify", #"{"model": "debian-section", "input": ["a game", "a library"]}"#)
    guard case .label(_, let all)? = try expected("debian-section", ["a library"])[0].answers.first?.answer else {
      Issue.record("no label")
      return
    }
    let probs = try answer.member("data", "1", "probs")?.elements?.map(\.line)
    #expect(probs == all.map { JSONLine.number($0.score) })
    #expect(try answer.member("data", "1", "num_classes") == .integer(all.count))
  }

  @Test func binaryTensorsCarryWhatJSONCarries() async throws {
    let path = "/v2/models/debian-section/infer"
    let plain = try await server.post(
      path, #"{"id": "7", "inputs": [{"name": "text", "shape": [2], "datatype": "BYTES", "data": ["a game", "é"]}]}"#)
    #expect(try plain.member("id") == .string("7"))
    #expect(try plain.member("outputs", "2", "name") == .string("label"))
    let texts = ["a game", "é"].flatMap { text -> [UInt8] in
      let bytes = Array(text.utf8)
      return [UInt8(bytes.count), 0, 0, 0] + bytes
    }
    let head =
      #"{"parameters": {"binary_data_output": true}, "inputs": [{"name": "text", "shape": [2], "datatype": "BYTES", "#
      + #""parameters": {"binary_data_size": \#(texts.count)}}]}"#
    let binary = try await server.send(
      "POST", path, Data(head.utf8) + texts, ["Inference-Header-Content-Length": "\(head.utf8.count)"])
    let length = Int(binary.headers["inference-header-content-length"] ?? "") ?? 0
    let json = try JSONValue(binary.data.prefix(length), file: "")
    #expect(json.line.contains("binary_data_size"))
    let logits = try plain.member("outputs", "0", "data")?.elements ?? []
    let first = binary.data.dropFirst(length).prefix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    #expect(JSONLine.number(Float(bitPattern: first)) == logits[0].line)
    let top = try await server.post(
      path,
      #"{"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a game"]}], "#
        + #""outputs": [{"name": "scores", "parameters": {"classification": 2}}]}"#)
    #expect(try top.member("outputs", "0", "data")?.elements?.count == 2)
  }

  @Test func theDigestOfWhatAnsweredIsEchoedWithTheRequestsName() async throws {
    let record = try Registry.open(path: Fixtures.root.appending(path: "registry.sqlite").path, for: .reading)
      .adapter(named: "truecase")
    let answer = try await server.post(
      "/tokenize", #"{"inputs": "x"}"#, ["x-adapter": "truecase", "x-request-id": "me"])
    #expect(answer.headers["x-adapter-digest"] == record.digest.text && answer.headers["x-request-id"] == "me")
  }

  @Test func thePageIsForBrowsersAndAHealthCheckForOthers() async throws {
    let page = try await server.get("/", ["Accept": "text/html,*/*"])
    #expect(page.text.hasPrefix("<!doctype html>") && page.headers["content-security-policy"] != nil)
    let health = try await server.get("/")
    #expect(health.status == 200 && health.data.isEmpty)
    for path in ["/page/style.css", "/page/script.js"] {
      #expect(page.text.contains(path))
      #expect(try await server.get(path).status == 200)
    }
  }

  @Test func metricsHaveTheNamesOfTheirReaders() async throws {
    _ = try await server.post("/predict", #"{"inputs": "x", "head": "debian-section"}"#)
    let text = try await server.get("/metrics").text
    for name in ["te_request_count{method=\"single\"}", "te_queue_size", "ah_pass_seconds_bucket{le=\"+Inf\"}"] {
      #expect(text.contains(name))
    }
    #expect(text.split(separator: "\n").allSatisfy { $0.hasPrefix("#") || $0.split(separator: " ").count >= 2 })
  }

  @Test func theDescriptionHasEveryRouteAndNoOther() async throws {
    let document = try await server.get("/openapi.json").json
    guard case .object(let members) = document, case .object(let paths)? = members["paths"] else {
      Issue.record("no paths")
      return
    }
    let described = Set(
      paths.flatMap { path, own -> [String] in
        if case .object(let methods) = own { methods.keys.map { "\($0.uppercased()) \(path)" } } else { [] }
      })
    let routes = Set(ServerApp.routes.flatMap(\.names))
    #expect(described == routes)
    #expect(routes.count > 40)
  }
}
