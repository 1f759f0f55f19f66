import AdapterHost
import Foundation
import TestSupport
import Testing

@Suite struct MergeCommandTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  private func hiddenStates(_ model: DebertaV2AdapterModel, _ setup: Composition?) throws -> [Float] {
    let ids: [[Int32]] = [[1, 309, 57, 1200, 2], [1, 44, 2]]
    let output = try model(ids, setup: .composition(setup), heads: [])
    return output.hiddenStates(row: 0).array + output.hiddenStates(row: 1).array
  }

  @Test func `The merged checkpoint gives what the adapter gives, with its head`() throws {
    let outcome = try place.run("merge", "debian-facets", "new/merged")
    #expect(outcome.lines[0] == "Wrote deberta-v3-tiny-en with debian-facets merged to new/merged: 8 tensors changed.")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: place.path("new/merged")).sorted() == [
        "added_tokens.json", "config.json", "model.safetensors", "special_tokens_map.json", "spm.model",
        "tokenizer_config.json",
      ])
    #expect(try FileManager.default.contentsOfDirectory(atPath: place.path("new")) == ["merged"])

    let folder = place.path("Models/deberta-v3-tiny-en")
    var model = try DebertaV2AdapterModel(folder: folder, compute: TinyModel.compute)
    try model.loadAdapter(place.path("Adapters/debian-facets"))
    let merged = try DebertaV2AdapterModel(folder: place.path("new/merged"), compute: TinyModel.compute)
    let (base, applied) = (try hiddenStates(model, nil), try hiddenStates(model, .adapter("debian-facets")))
    let written = try hiddenStates(merged, nil)
    let difference = zip(written, applied).reduce(0) { max($0, abs($1.0 - $1.1)) }
    #expect(zip(written, base).contains { abs($0 - $1) > 100 * difference })
    #expect(difference < 2e-5)

    let answer = try place.run(
      "predict", "a perl library", "--model", "new/merged", "--adapter", "debian-section=Adapters/debian-section")
    #expect(answer.exitCode == 0)
  }

  @Test func `Tensors keep their names and shapes, and only what the adapter changes differs`() throws {
    #expect(try place.run("merge", "debian-facets", "merged").exitCode == 0)
    let old = try TensorFile(path: place.path("Models/deberta-v3-tiny-en/model.safetensors"))
    let new = try TensorFile(path: place.path("merged/model.safetensors"))
    let head = ["classifier.bias", "classifier.weight", "pooler.dense.bias", "pooler.dense.weight"]
    #expect(new.tensors.map(\.name) == (old.tensors.map(\.name) + head).sorted())
    #expect(new.tensors.allSatisfy { $0.elementType == .float32 })
    #expect(new.metadata == ["format": "pt"])
    let changed = try old.tensors.filter { try $0.floats() != new[$0.name]?.floats() }.map(\.name)
    #expect(old.tensors.allSatisfy { $0.shape == new[$0.name]?.shape })
    #expect(changed.count == 8)
    #expect(changed.allSatisfy { $0.hasSuffix("query_proj.weight") || $0.hasSuffix("value_proj.weight") })
    let configuration = try ConfigurationFields(path: place.path("merged/config.json"))
    #expect(try configuration.string("torch_dtype") == "float32")
  }

  @Test func `What cannot be merged leaves nothing behind`() throws {
    let before = try place.contents()
    #expect(
      try place.run("merge", "truecase", "merged")
        == .failed(
          "'truecase' cannot be merged: only methods whose effect is a change of weights can, not bottlenecks or gates."
        ))
    #expect(
      try place.run("merge", "debian-facets", "Models").messages
        == "Error: Models is there already; name a folder that is new or empty.\n")
    #expect(try place.run("merge", "debian-facets", "registry.sqlite/x").exitCode == 1)
    #expect(try place.contents() == before)
  }
}
