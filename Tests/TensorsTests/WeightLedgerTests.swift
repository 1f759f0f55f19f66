import Checkpoints
import Tensors
import TestSupport
import Testing

@Suite struct WeightLedgerTests {
  private let folder: TemporaryFolder
  private let path: String

  init() throws {
    folder = try TemporaryFolder()
    path = folder.path("weights.safetensors")
    try Safetensors.write(
      [
        OutgoingTensor(name: "deberta.layer.weight", shape: [2, 3], values: [1, 2, 3, 4, 5, 6]),
        OutgoingTensor(name: "deberta.layer.bias", shape: [2], values: [7, 8]),
        OutgoingTensor(name: "deberta.norm.weight", shape: [3], values: [1, 1, 1]),
        OutgoingTensor(name: "deberta.norm.bias", shape: [3], values: [0, 0, 0]),
      ], to: path)
  }

  private func ledger() throws -> WeightLedger {
    WeightLedger(try TensorFile(path: path)) { $0.hasPrefix("deberta.") ? String($0.dropFirst(8)) : nil }
  }

  @Test func aMissingTensorBelowAnotherPrefixIsNamed() throws {
    let ledger = WeightLedger(try TensorFile(path: path))
    #expect(
      throws: CheckpointError.missingTensor(
        name: "layer.weight", file: path, nearest: ["deberta.layer.weight"])
    ) { try ledger.tensor("layer.weight", shape: [2, 3]) }
  }

  @Test func ofTwoTensorsOfOneNameNoneIsChosenInSilence() throws {
    let ledger = WeightLedger(try TensorFile(path: path)) { _ in "one" }
    _ = try ledger.tensor("one", shape: [2])
    #expect(throws: CheckpointError.self) { try ledger.finish() }
  }

  @Test func whatIsReadIsAccountedFor() throws {
    let ledger = try ledger()
    let reader = WeightReader(ledger, TinyModel.compute)
    let layer = try reader["layer"].linear(in: 3, out: 2)
    #expect(TinyModel.compute.unpacked(layer.weight).array == [1, 2, 3, 4, 5, 6])
    #expect(layer.bias?.array == [7, 8])
    #expect(ledger.unused == ["norm.bias", "norm.weight"])
    #expect(throws: CheckpointError.unusedTensors(names: ["deberta.norm.bias", "deberta.norm.weight"], file: path)) {
      try ledger.finish()
    }
    try ledger.finish { $0.hasPrefix("norm.") }
    _ = try reader["norm"].layerNorm(3, eps: 1)
    try ledger.finish()
  }

  @Test func aMissingTensorIsNamedWithTheNearestOnes() throws {
    let reader = WeightReader(try ledger(), TinyModel.compute)
    #expect(
      throws: CheckpointError.missingTensor(name: "layer.weigth", file: path, nearest: ["layer.weight"])
    ) {
      try reader["layer"].tensor("weigth", [2, 3])
    }
    #expect(!reader.contains("layer.weigth") && reader.contains("layer.weight"))
  }

  @Test func aTensorOfAnotherShapeIsNamedWithBothShapes() throws {
    let reader = WeightReader(try ledger(), TinyModel.compute)
    // As many values, in another shape.
    #expect(
      throws: CheckpointError.wrongShape(name: "deberta.layer.weight", expected: [3, 2], found: [2, 3], file: path)
    ) { try reader["layer"].linear(in: 2, out: 3) }
    #expect(throws: CheckpointError.wrongShape(name: "deberta.norm.bias", expected: [4], found: [3], file: path)) {
      try reader["norm"].tensor("bias", [4])
    }
  }

  @Test func whatIsLeftIsKnown() throws {
    let ledger = try ledger()
    for name in ledger.unused { ledger.leave(name) }
    try ledger.finish()
    #expect(ledger.shape(of: "layer.bias") == [2])
    #expect(ledger.shape(of: "layer.bia") == nil)
  }

  /// Names that the caller leaves out of account are nobody's business.
  @Test func aTensorWithoutANameHereIsNotCounted() throws {
    let file = try TensorFile(path: path)
    try WeightLedger(file) { _ in nil }.finish()
    #expect(throws: CheckpointError.self) { try WeightLedger(file).finish() }
  }
}
