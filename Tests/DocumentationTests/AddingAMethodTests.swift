import AdapterHost
import TestSupport
import Testing

/// The method of 'How a method is added', and the laws that every method passes.
@Suite struct AddingAMethodTests {
  private let encoder: Encoder
  private let catalog: MethodCatalog
  private static let batch = Batch(TinyModel.ids([7, 1, 23, 12]))

  init() throws {
    let folder = try CheckpointFolder(path: Fixtures.base("v3"))
    let shape = try DebertaV2Configuration(json: folder.configuration, file: folder.path)
    let ledger = WeightLedger(folder.weights) { $0.hasPrefix("deberta.") ? String($0.dropFirst(8)) : $0 }
    encoder = try Encoder(WeightReader(ledger, TinyModel.compute), shape)

    let catalog = MethodCatalog([Bottleneck.self, LoRA.self, OutputScale.self])
    self.catalog = catalog
  }

  private func method(_ settings: [String: JSONValue] = [:]) throws -> any AdapterMethod {
    let members = settings.merging(["architecture": .string("output_scale")]) { own, _ in own }
    return try catalog.method(ConfigurationFields(.object(members), file: "the test"))
  }

  /// Adapters with random factors, by the names that the laws use.
  private func adapters() throws -> [String: Adapter] {
    let shape = encoder.configuration
    return try [
      "a": .random(method(), for: shape, seed: 1),
      "b": .random(method(["leave_out": .array([.integer(0)])]), for: shape, seed: 2),
      "lora": .random("lora[r=3, alpha=7]", for: shape, seed: 3),
      "fresh": fresh(),
    ]
  }

  /// An adapter whose factors are as they start.
  private func fresh() throws -> Adapter {
    let method = try method()
    let specs = try method.parameters(for: encoder.configuration)
    #expect(specs.allSatisfy { $0.initializer == .constant(1) })
    let ones = specs.map { ($0.id, Tensor(Array(repeating: 1, count: $0.count), rows: 1, columns: $0.count)) }
    return Adapter(method: method, parameters: AdapterParameters(specs, Dictionary(uniqueKeysWithValues: ones)))
  }

  /// The last hidden states of all rows, in their order.
  private func values(
    _ setup: String?, _ batch: Batch = batch, encoder other: Encoder? = nil
  ) throws -> [Float] {
    let encoder = other ?? encoder
    let bound = try adapters().reduce(into: [:]) { bound, item in
      bound[item.key] = try BoundAdapter(item.value, named: item.key, in: encoder, on: Pass(encoder.compute))
    }
    let composition = try setup.map { text in try Composition(text) }
    let model = BoundModel(encoder, adapters: bound)
    return try model(batch, .composition(composition), heads: [], on: Pass(encoder.compute)).values
  }

  @Test func offIsOffAndOnIsOn() throws {
    let base = try values(nil)
    expectClose(try values("fresh"), base, .exact)
    expectFarOff(try values("a"), base)
    expectFarOff(try values("b"), try values("a"))
    expectClose(try values("a"), try values("a"), .exact)
  }

  @Test func rowsOfAMixedBatchEqualTheRowsAlone() throws {
    let ids = Self.batch.sequences.map(\.ids)
    let names = ["a", "b", "lora", "fresh"]
    let alone = try names.indices.flatMap { try values(names[$0], Batch([ids[$0]])) }
    let mixed = try values("BatchSplit(a, b, lora, fresh, batch_sizes=[1, 1, 1, 1])")
    expectClose(mixed, alone, .model)
  }

  @Test func compositionsOfItHoldWhatTheyPromise() throws {
    let a = try values("a")
    expectClose(try values("Average(a, a)"), a, .model)
    expectClose(try values("Stack(a, fresh)"), a, .model)
    expectClose(try values("Stack(a, b)"), try values("Stack(b, a)"), .model)
    expectFarOff(try values("Stack(a, b)"), a)
  }

  @Test func mergedEqualsApplied() throws {
    let adapter = try #require(try adapters()["a"])
    let merged = try #require(adapter.method.merged(adapter.parameters, into: encoder))
    let base = try values(nil)
    expectClose(try values(nil, encoder: merged), try values("a"), .model)
    expectFarOff(try values(nil, encoder: merged), base)
    expectClose(try values(nil), base, .exact)
  }

  @Test func savingAndLoadingKeepsEveryBit() throws {
    let folder = try TemporaryFolder()
    let shape = encoder.configuration
    for (name, adapter) in try adapters() {
      let path = try adapter.save(name, for: shape, in: folder)
      let (savedName, loaded) = try SavedAdapter.read(path, for: shape, catalog: catalog)
      #expect(savedName == name && loaded.method.settings == adapter.method.settings)
      #expect(loaded.values == adapter.values)
    }
  }

  @Test func aFolderThatLacksAFactorIsRefusedByName() throws {
    let folder = try TemporaryFolder()
    let shape = encoder.configuration
    let path = try #require(try adapters()["a"]).save("a", for: shape, in: folder)
    let file = path + "/adapter.safetensors"
    let tensors = try TensorFile(path: file).outgoing
    try Safetensors.write(Array(tensors.dropLast()), to: file)
    let text = refusal { _ = try SavedAdapter.read(path, for: shape, catalog: catalog) }
    #expect(text?.contains(tensors[tensors.count - 1].name.dropFirst("deberta.".count)) == true)
  }

  @Test func itsSettingsAreCheckedAndItCountsItsParameters() throws {
    let shape = encoder.configuration
    let text = refusal { _ = try method(["leave_out": .string("0")]) }
    #expect(text == "the test: 'leave_out' must be a list of whole numbers, found the string '0'.")
    let outputs = shape.headCount * shape.headSize + shape.intermediateSize
    #expect(try #require(try adapters()["a"]).parameters.count == shape.layerCount * outputs)
    #expect(try #require(try adapters()["b"]).parameters.count == (shape.layerCount - 1) * outputs)
  }

  @Test func theLibraryNamesTheMethodsThatItKnows() throws {
    let folder = try TemporaryFolder()
    let path = try #require(try adapters()["a"]).save("a", for: encoder.configuration, in: folder)
    let text = refusal { _ = try SavedAdapter.read(path, for: encoder.configuration) }
    #expect(text?.contains("'architecture' is 'output_scale'; expected one of") == true)
  }
}
