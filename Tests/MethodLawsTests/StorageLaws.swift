import AdapterHost
import AdapterMethods
import Checkpoints
import Foundation
import TestSupport
import Testing

/// What is saved is what is loaded, and nothing is lost, dropped or left random.
@Suite struct StorageLaws {
  @Test(arguments: MethodExample.all)
  func savingAndLoadingKeepsEveryBitAndEveryKey(_ example: MethodExample) throws {
    let shape = try TinyModel.shape()
    let folder = try TemporaryFolder()
    let adapter = try Adapter.random(example.preset, for: shape, seed: 5, catalog: MethodExample.catalog)
    let (name, loaded) = try SavedAdapter.read(
      adapter.save("first", for: shape, in: folder), for: shape, catalog: MethodExample.catalog)
    #expect(name == "first")
    #expect(loaded.method.settings == adapter.method.settings)
    #expect(loaded.values.keys.sorted() == adapter.values.keys.sorted())
    for (id, values) in adapter.values { expectClose(try #require(loaded.values[id]), values, .exact, id) }
    #expect(loaded.parameters.count == adapter.parameters.count)
  }

  @Test(arguments: MethodExample.all)
  func whatIsSavedAgainHasTheSameBytes(_ example: MethodExample) throws {
    let shape = try TinyModel.shape()
    let (one, two) = (try TemporaryFolder(), try TemporaryFolder())
    let adapter = try Adapter.random(example.preset, for: shape, seed: 5, catalog: MethodExample.catalog)
    let first = try adapter.save("a", for: shape, in: one)
    let second = try SavedAdapter.read(first, for: shape, catalog: MethodExample.catalog).adapter.save(
      "a", for: shape, in: two)
    let files = try FileManager.default.contentsOfDirectory(atPath: first).sorted()
    #expect(files == ["adapter.safetensors", "adapter_config.json"])
    for file in files {
      let bytes = try #require(FileManager.default.contents(atPath: first + "/" + file))
      #expect(FileManager.default.contents(atPath: second + "/" + file) == bytes)
    }
  }

  @Test(arguments: MethodExample.all)
  func aKeyThatNobodyReadsIsKept(_ example: MethodExample) throws {
    let shape = try TinyModel.shape()
    let folder = try TemporaryFolder()
    let path = try Adapter.random(example.preset, for: shape, seed: 5, catalog: MethodExample.catalog).save(
      "a", for: shape, in: folder)
    let file = path + "/" + SavedAdapter.configurationFile
    var whole = try ConfigurationFields(path: file).members
    guard case .object(var settings) = whole["config"] else {
      throw ConfigurationError.missing(key: "config", file: file)
    }
    settings["a_key_of_the_future"] = .array([.integer(1), .number(0.5), .string("x"), .null])
    whole["config"] = .object(settings)
    try JSONValue.object(whole).write(to: file)
    let loaded = try SavedAdapter.read(path, for: shape, catalog: MethodExample.catalog).adapter
    #expect(loaded.method.settings == settings)
  }

  @Test(arguments: MethodExample.all)
  func aMissingTensorIsNamed(_ example: MethodExample) throws {
    try expectRefusal(of: example) { tensors in
      let dropped = tensors.remove(at: tensors.count / 2)
      return (dropped.name.dropFirst("deberta.".count).description, "missing")
    }
  }

  @Test(arguments: MethodExample.all)
  func aTensorTooManyIsNamed(_ example: MethodExample) throws {
    try expectRefusal(of: example) { tensors in
      let name = tensors[0].name + "_of_nobody"
      tensors.append(OutgoingTensor(name: name, shape: [2], values: [1, 2]))
      return (name, "unused")
    }
  }

  /// Names are matched whole: `a` is not the beginning of `a2`.
  @Test(arguments: MethodExample.all)
  func aTensorOfAnotherAdapterIsNamed(_ example: MethodExample) throws {
    try expectRefusal(of: example) { tensors in
      let name = tensors[0].name.replacingOccurrences(of: ".a.", with: ".a2.")
      tensors.append(OutgoingTensor(name: name, shape: tensors[0].shape, values: tensors[0].values))
      return (name, "unused")
    }
  }

  @Test(arguments: MethodExample.all)
  func aTensorOfAnotherShapeIsNamedWithBothShapes(_ example: MethodExample) throws {
    try expectRefusal(of: example) { tensors in
      let index = tensors.count - 1
      let whole = tensors[index]
      let shape = [whole.shape[0] + 1] + whole.shape.dropFirst()
      let count = shape.reduce(1, *)
      tensors[index] = OutgoingTensor(
        name: whole.name, shape: shape, values: Array(repeating: 0.5, count: count))
      return (whole.name, "\(shape)")
    }
  }

  /// Changes the tensors of a saved adapter and expects the error to name one, and to say `fact`.
  private func expectRefusal(
    of example: MethodExample, sourceLocation: SourceLocation = #_sourceLocation,
    changing change: (inout [OutgoingTensor]) -> (name: String, fact: String)
  ) throws {
    let shape = try TinyModel.shape()
    let folder = try TemporaryFolder()
    let path = try Adapter.random(example.preset, for: shape, seed: 5, catalog: MethodExample.catalog).save(
      "a", for: shape, in: folder)
    _ = try SavedAdapter.read(path, for: shape, catalog: MethodExample.catalog)
    let file = path + "/adapter.safetensors"
    var tensors = try TensorFile(path: file).outgoing
    let (name, fact) = change(&tensors)
    try Safetensors.write(tensors, to: file)
    let error = #expect(throws: CheckpointError.self, sourceLocation: sourceLocation) {
      try SavedAdapter.read(path, for: shape, catalog: MethodExample.catalog)
    }
    let text = error?.description ?? ""
    #expect(text.contains(name) && text.contains(file), "\(text)", sourceLocation: sourceLocation)
    switch (fact, error) {
    case ("missing", .missingTensor), ("unused", .unusedTensors): break
    case (let shape, .wrongShape(_, _, let found, _)) where shape == "\(found)": break
    default: Issue.record("another error: \(text)", sourceLocation: sourceLocation)
    }
  }
}
