import AdapterMethods
import Checkpoints
import Foundation
import Tensors
import TestSupport
import Testing

@testable import AdapterHost

/// What is served is what `Predictor` answers.
@Suite struct TextServiceTests {
  private static let registry = Fixtures.root.appending(path: "registry.sqlite").path

  private static func workspace(_ setup: String? = nil) throws -> Workspace {
    try Workspace(WorkspaceRequest(registry: registry, setup: setup), location: RegistryLocation(given: registry))
  }

  /// Its queue takes what all tests send at once, however slow the machine is.
  private static let service = Result {
    var limits = Engine.Limits()
    limits.queue = .seconds(3600)
    return try TextService(workspace(), limits: limits)
  }

  private static let texts = [
    "a library for reading pdf files", "linux kernel from germany", "any of numerous small rodents",
    "a small [MASK] of the program", "x", String(repeating: "a long text about many things ", count: 20),
  ].enumerated().map { TextInput($1, index: $0) }

  private static let names = [
    "debian-section", "debian-facets", "truecase", "wordnet-domain", nil, "deberta-v3-tiny-en",
    "Average(debian-section, wordnet-domain)",
  ]

  private static func expected(_ name: String?) throws -> [[Answer]] {
    let workspace = try workspace(name == "deberta-v3-tiny-en" ? nil : name)
    var model = try workspace.loadModel(compute: TinyModel.compute)
    if name == "deberta-v3-tiny-en" { try model.setActiveAdapters(nil) }
    let predictor = try Predictor(model, workspace.loadTokenizer())
    return try predictor.predict(texts).map { $0.answers.map(\.answer) }
  }

  private static func served(_ name: String?, _ inputs: [TextInput]) async throws -> [[Answer]] {
    let service = try service.get()
    let answers = try await service.predict(inputs, with: service.setup(name))
    return answers.predictions.map { $0.answers.map(\.answer) }
  }

  @Test func answersEqualThoseOfAPredictorBitForBitAloneAndInAnyMix() async throws {
    let expected = try Self.names.map { try Self.expected($0) }
    #expect(Set(expected).count == Self.names.count)
    for (name, expected) in zip(Self.names, expected) {
      #expect(try await Self.served(name, [Self.texts[0]]) == [expected[0]], "\(name ?? "the active setup") alone")
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for round in 0..<3 {
        for (index, name) in Self.names.enumerated() {
          group.addTask {
            let inputs = round == 0 ? Self.texts : Array(Self.texts.shuffled().prefix(3))
            let answers = try await Self.served(name, inputs)
            for (input, answer) in zip(inputs, answers) {
              #expect(answer == expected[index][input.index], "\(name ?? "the active setup"), text \(input.index)")
            }
          }
        }
      }
      try await group.waitForAll()
    }
  }

  @Test func aTextThatNamesItsAdaptersHasTheseAndTheOthersHaveTheSetup() async throws {
    var inputs = [Self.texts[0], Self.texts[0]]
    inputs[1].setup = try Composition("wordnet-domain")
    let answers = try await Self.served("debian-section", inputs)
    #expect(answers[0] == (try Self.expected("debian-section"))[0])
    #expect(answers[1] == (try Self.expected("wordnet-domain"))[0])
    #expect(answers[0] != answers[1])
  }

  @Test func vectorsEqualThoseOfAnEmbedder() async throws {
    let workspace = try Self.workspace("truecase")
    let model = try workspace.loadModel(compute: TinyModel.compute)
    let service = try Self.service.get()
    for pooling in EmbeddingOptions.Pooling.allCases {
      let options = EmbeddingOptions(pooling: pooling, normalize: true)
      let expected = try Embedder(model, workspace.loadTokenizer(), options).embed(Self.texts.map(\.text))
      let own = try await service.embed(
        Self.texts.map { .text($0.text) }, with: service.setup("truecase"), pooling: options)
      #expect(own.vectors.map { $0[0] } == expected)
    }
  }

  @Test func namesThatAreNotThereAreUnknown() async throws {
    let service = try Self.service.get()
    #expect(throws: ServiceError.unknown(name: "debian-sectoin", nearest: ["debian-section"])) {
      _ = try service.setup("debian-sectoin")
    }
    #expect(throws: ServiceError.self) { _ = try service.setup("Stack(truecase, nobody)") }
    #expect(throws: CompositionError.self) { _ = try service.setup("Stack(truecase") }
    // Negative control.
    #expect(try service.setup("Stack(truecase)").composition != nil)
    #expect(try service.setup("deberta-v3-tiny-en").composition == nil)
  }

  @Test func aDigestIsThatOfTheRegistryAndOfACompositionItsOwn() throws {
    let service = try Self.service.get()
    let record = try Registry.open(path: Self.registry, for: .reading).adapter(named: "truecase")
    #expect(try service.setup("truecase").digest == record.digest.text)
    let stack = try service.setup("Stack(truecase)").digest
    #expect(stack != record.digest.text && stack.count == 64)
    #expect(try service.setup("Stack(  truecase )").digest == stack)
  }

  @Test func aTextThatMayNotBeCutIsRefused() async throws {
    let service = try Self.service.get()
    let reading = TextService.Reading(maximumLength: 8, truncates: false)
    await #expect(throws: ServiceError.self) {
      _ = try await service.predict([Self.texts[5]], with: service.setup("truecase"), reading: reading)
    }
    _ = try await service.predict([Self.texts[4]], with: service.setup("truecase"), reading: reading)
  }

  @Test func whatWouldTakeTooLongIsRefusedBeforeItIsMade() async throws {
    let service = try Self.service.get()
    let long = String(repeating: "a ", count: 100_000)
    var options = AnswerOptions()
    func refused(_ input: TextInput, _ reading: TextService.Reading = TextService.Reading()) async -> Bool {
      do {
        _ = try await service.predict(
          [input], with: service.setup("truecase"), options: options, reading: reading,
          terms: TextService.Terms(deadline: .now + .seconds(3600)))
        return false
      } catch let error as ServiceError {
        if case .input = error { return true }
        if case .options = error { return true }
        Issue.record("\(error)")
      } catch { #expect(error is EngineError, "\(error)") }
      return true
    }
    // Negative control: cut, the text is read.
    #expect(await !refused(TextInput(long)))
    options.tagging.stride = 508
    #expect(await refused(TextInput(long)))
    #expect(await !refused(TextInput(String(long.prefix(1100)))))
    options.tagging.stride = nil
    #expect(await refused(TextInput("a"), TextService.Reading(maximumLength: .max)))
    #expect(await refused(TextInput("a"), TextService.Reading(maximumLength: 3000)))
    #expect(await !refused(TextInput("a"), TextService.Reading(maximumLength: 600)))
    let setup = try service.setup("deberta-v3-tiny-en")
    let masks = TextInput(String(repeating: "[MASK] ", count: 400))
    options.masks.topK = 1_000_000
    await #expect(throws: ServiceError.self) {
      _ = try await service.predict([masks], with: setup, options: options)
    }
  }

  @Test func workThatNobodyWaitsForEnds() async throws {
    let service = try Self.service.get()
    let (began, begins) = AsyncStream<Void>.makeStream()
    let task = Task {
      try await service.work { isWanted in
        begins.yield()
        while true { try isWanted.check() }
      }
    }
    _ = await began.first { _ in true }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    // Negative control: the thread is free again.
    #expect(try await service.work { _ in 3 } == 3)
  }

  @Test func headsThatAreWantedAnswerAloneAndEqualThemselvesAmongAll() async throws {
    let service = try Self.service.get()
    let setup = try service.setup("Parallel(debian-section, wordnet-domain)")
    let all = try await service.predict([Self.texts[0]], with: setup).predictions[0]
    #expect(all.answers.map(\.head) == ["debian-section", "wordnet-domain"])
    let one = try await service.predict([Self.texts[0]], with: setup, heads: ["wordnet-domain"]).predictions[0]
    #expect(one.answers.map(\.answer) == [all.answers[1].answer])
    await #expect(throws: ServiceError.unknownHead(name: "x", heads: ["debian-section", "wordnet-domain"])) {
      _ = try await service.predict([Self.texts[0]], with: setup, heads: ["x"])
    }
    await #expect(throws: ServiceError.self) {
      _ = try await service.predict([Self.texts[0]], with: setup, heads: ["wordnet-domain", "wordnet-domain"])
    }
  }

  @Test func anAdapterThatIsLoadedWhileServingAnswersAndLeaves() async throws {
    let service = try TextService(Self.workspace())
    let folder = Fixtures.root.appending(path: "Adapters/truecase").path
    await #expect(throws: ServiceError.isThere(name: "truecase", isPermanent: true)) {
      try await service.loadAdapter("truecase", from: folder, replacing: true)
    }
    await #expect(throws: ServiceError.self) {
      try await service.loadAdapter("broken", from: Fixtures.root.path, replacing: false)
    }
    for name in ["Parallel(truecase, debian-section)", "..", "a/b", "x\ny", "\u{1B}[31m", ""] {
      await #expect(throws: ServiceError.self, "\(name.debugDescription)") {
        try await service.loadAdapter(name, from: folder, replacing: false)
      }
    }
    try await service.loadAdapter("mine", from: folder, replacing: false)
    await #expect(throws: ServiceError.isThere(name: "mine", isPermanent: false)) {
      try await service.loadAdapter("mine", from: folder, replacing: false)
    }
    let own = try await service.predict([Self.texts[1]], with: service.setup("mine")).predictions[0]
    #expect(own.answers[0].answer == (try await Self.served("truecase", [Self.texts[1]]))[0][0])
    try await service.unloadAdapter("mine")
    #expect(throws: ServiceError.self) { _ = try service.setup("mine") }
  }

  /// A checkpoint of DeBERTa v1 with a byte-level tokenizer, whose words have more rows than the fixture's.
  private static func firstVersion(in folder: TemporaryFolder) throws -> String {
    let base = Fixtures.base("v1-static-sequenceclassification")
    let words = "deberta.embeddings.word_embeddings.weight"
    var random = RandomNumbers(seed: 5)
    let tensors = try TensorFile(path: base + "/model.safetensors").outgoing.map { tensor in
      guard tensor.name == words else { return tensor }
      return OutgoingTensor(name: words, shape: [500, 16], values: (0..<8000).map { _ in random.normal() })
    }
    try Safetensors.write(tensors, to: folder.path("model.safetensors"))
    let configuration = try String(contentsOfFile: base + "/config.json", encoding: .utf8)
    try folder.write(configuration.replacing("\"vocab_size\": 61", with: "\"vocab_size\": 500"), as: "config.json")
    for name in ["vocab.json", "merges.txt", "tokenizer_config.json"] {
      try FileManager.default.copyItem(
        atPath: Fixtures.file("byte-level/\(name)").path, toPath: folder.path(name))
    }
    return folder.path
  }

  @Test func aCheckpointOfTheFirstVersionIsServed() async throws {
    let folder = try TemporaryFolder()
    let workspace = try Workspace(
      WorkspaceRequest(model: Self.firstVersion(in: folder)),
      location: RegistryLocation(environment: [:], currentFolder: "/nowhere"))
    let texts = ["the cat sat", "on the mat"].enumerated().map { TextInput($1, index: $0) }
    let expected = try Predictor(workspace.loadModel(), workspace.loadTokenizer()).predict(texts)
    let service = try TextService(workspace)
    let answers = try await service.predict(texts, with: service.setup(nil)).predictions
    #expect(answers.map { $0.answers.map(\.answer) } == expected.map { $0.answers.map(\.answer) })
    #expect(answers[0].answers[0].answer != answers[1].answers[0].answer)
  }
}
