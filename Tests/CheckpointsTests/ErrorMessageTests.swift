import Testing

@testable import Checkpoints

@Suite struct ErrorMessageTests {
  @Test func aWrongShapeNamesBothShapesAndTheLikelyCause() {
    let error = CheckpointError.wrongShape(name: "a", expected: [8, 768], found: [8, 1024], file: "x.safetensors")
    #expect(
      error.description
        == "x.safetensors: 'a' is [8, 1024]; [8, 768] is needed. Was the file made for a model of another size?")
  }

  @Test func aMissingTensorListsItsNearestNames() {
    let error = CheckpointError.missingTensor(name: "a.weight", file: "x", nearest: ["a.weigth", "a.bias"])
    #expect(error.description == "x: has no tensor 'a.weight'. The nearest names are 'a.weigth', 'a.bias'.")
    #expect(
      CheckpointError.missingTensor(name: "a", file: "x", nearest: []).description == "x: has no tensor 'a'.")
  }

  @Test func manyUnusedTensorsAreCutShort() {
    let names = (0..<9).map { "t\($0)" }
    #expect(
      CheckpointError.unusedTensors(names: names, file: "x").description
        == "x: 9 tensors have no place in this model: 't0', 't1', 't2', 't3', 't4', 't5' and 3 more. "
        + "Does the file belong to another kind of model?")
  }

  @Test func aFileThatCannotBeReadSaysWhy() {
    #expect(
      CheckpointError.cannotRead(path: "x", code: 2).description == "x: cannot be read (No such file or directory).")
  }

  @Test func faultsOfAFormatAreSentences() throws {
    let cutOff = try #require(refusal(of: safetensors(members: [member("a", "[2]", 0, 8)], data: [1])))
    #expect(
      cutOff.description.hasSuffix(
        ": is not a valid safetensors file: its tensors take 8 bytes, but 1 follow the header. Was the file cut off?"))
    let twice = try #require(
      refusal(of: safetensors(members: [member("a", "[0]", 0, 0), member("a", "[0]", 0, 0)], data: [])))
    #expect(twice.description.hasSuffix(": the JSON has the key 'a' twice in one object."))
  }
}
