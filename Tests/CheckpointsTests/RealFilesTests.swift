import Foundation
import Testing

@testable import Checkpoints

/// The same weights, as the Python packages wrote them to several containers.
@Suite struct RealFilesTests {
  /// Names as in the base, which was saved without its head's prefix.
  private func weights(_ name: String) throws -> [String: StoredTensor] {
    let folder = try CheckpointFolder(path: base(name))
    #expect(!folder.configuration.isEmpty)
    let pairs = folder.weights.tensors.map { tensor in
      (tensor.name.hasPrefix("deberta.") ? String(tensor.name.dropFirst("deberta.".count)) : tensor.name, tensor)
    }
    return Dictionary(pairs) { first, _ in first }
  }

  @Test(arguments: ["v3-bin", "v3-legacy-bin", "v3-sharded"])
  func everyContainerHoldsTheSameWeights(_ name: String) throws {
    let expected = try weights("v3")
    let found = try weights(name)
    #expect(found.keys.sorted() == expected.keys.sorted())
    for (name, tensor) in expected {
      #expect(found[name]?.shape == tensor.shape)
      #expect(try found[name]?.floats() == tensor.floats(), "\(name)")
    }
  }

  @Test(arguments: ["v3-half-bin", "v3-float16", "v3-bfloat16"])
  func narrowContainersHoldTheRoundedWeights(_ name: String) throws {
    let expected = try weights("v3")
    let found = try weights(name)
    let isHalf = name != "v3-bfloat16"
    #expect(found.keys.sorted() == expected.keys.sorted())
    for (name, tensor) in found {
      #expect(tensor.elementType == (isHalf ? .float16 : .bfloat16))
      let wide = try #require(expected[name]).floats()
      let rounded = wide.map { isHalf ? Float(Float16($0)) : roundedToBFloat16($0) }
      #expect(try tensor.floats() == rounded, "\(name)")
    }
    #expect(
      try found["embeddings.word_embeddings.weight"]?.floats()
        != expected["embeddings.word_embeddings.weight"]?.floats())
  }

  private func roundedToBFloat16(_ value: Float) -> Float {
    let bits = value.bitPattern
    return Float(bitPattern: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000)
  }

  @Test func everyBaseOpens() throws {
    let bases = try FileManager.default.contentsOfDirectory(atPath: base("")).sorted()
    #expect(bases.count >= 8)
    for name in bases {
      let folder = try CheckpointFolder(path: base(name))
      #expect(folder.weights.tensors.count >= 20, "\(name)")
      #expect(folder.weights.otherEntries.isEmpty, "\(name)")
      for tensor in folder.weights.tensors {
        #expect(try tensor.floats().allSatisfy(\.isFinite), "\(name) \(tensor.name)")
      }
    }
  }

  @Test func tensorsOfBothModernContainersAreUsedInPlace() throws {
    for name in ["v3", "v3-bin"] {
      for tensor in try CheckpointFolder(path: base(name)).weights.tensors {
        #expect(tensor.isMappedFloat32)
        let before = try tensor.floats()
        tensor.releasePages()
        #expect(try tensor.floats() == before)
        #expect(try tensor.renamed("other").floats() == before)
        #expect(tensor.renamed("other").name == "other")
      }
    }
  }

  @Test func theFirstFileThatExistsIsOpened() throws {
    let file = try TensorFile.first(of: ["adapter.safetensors", "pytorch_model.bin"], in: base("v3-bin"))
    #expect(file.path.hasSuffix("v3-bin/pytorch_model.bin"))
    #expect(throws: CheckpointError.noneFound(names: ["a", "b"], folder: base("v3"))) {
      try TensorFile.first(of: ["a", "b"], in: base("v3"))
    }
  }

  @Test func aFolderWithoutConfigurationOrWeightsIsRefused() throws {
    let folder = TemporaryFolder()
    #expect(throws: CheckpointError.cannotRead(path: "\(folder.path)/config.json", code: ENOENT)) {
      try CheckpointFolder(path: folder.path)
    }
    _ = try folder.write(Array("{}".utf8), as: "config.json")
    #expect(throws: CheckpointError.noneFound(names: CheckpointFolder.weightNames, folder: folder.path)) {
      try CheckpointFolder(path: folder.path)
    }
  }
}
