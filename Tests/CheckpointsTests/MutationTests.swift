import Foundation
import Testing

@testable import Checkpoints

/// Damaged files: refused with a typed error, or read as something consistent.
@Suite struct MutationTests {
  /// One small file in each format, with more than one tensor and type.
  static let samples: [(name: String, bytes: [UInt8])] = {
    let members = [
      "\"__metadata__\":{\"format\":\"pt\"}", member("a.weight", "[2,3]", 0, 24),
      member("b", "[2]", 24, 28, type: "F16"),
      member("c", "[]", 28, 32),
    ]
    let storages = [TorchStorage(key: "0", count: 6), TorchStorage(key: "1", type: "HalfStorage", count: 2)]
    let tensors = [
      TorchTensor(name: "a.weight", storage: storages[0], shape: [3, 2], strides: [1, 3]),
      TorchTensor(name: "b", storage: storages[1], shape: [2], strides: [1]),
    ]
    let data = [bytes([1, 2, 3, 4, 5, 6]), [0, 0x3C, 0, 0x40]]
    let legacy = pickle { $0.dict(tensors, isLegacy: true) }
    return [
      ("safetensors", safetensors(members: members, data: Array(repeating: 1, count: 32))),
      ("archive", torchArchive(pickle { $0.dict(tensors) }, storages: ["0": data[0], "1": data[1]])),
      ("pickles", torchPickles(legacy, keys: ["0", "1"], storages: [bytes(6) + data[0], bytes(2) + data[1]])),
    ]
  }()

  /// Opens the file and reads every element of every tensor.
  private func read(_ path: String) throws(CheckpointError) -> TensorFile {
    let file = try TensorFile(path: path)
    for tensor in file.tensors where tensor.elementType != .bool {
      #expect(try tensor.floats().count == tensor.elementCount)
    }
    return file
  }

  @Test(arguments: samples.map(\.name))
  func aFileCutOffAnywhereIsRefused(_ name: String) throws {
    let sample = try #require(Self.samples.first { $0.name == name })
    let folder = TemporaryFolder()
    #expect(try read(folder.write(sample.bytes)).tensors.count >= 2)
    for count in 0..<sample.bytes.count {
      let path = try folder.write(Array(sample.bytes.prefix(count)))
      #expect(throws: CheckpointError.self, "\(count) of \(sample.bytes.count) bytes") { try read(path) }
    }
  }

  @Test(arguments: samples.map(\.name))
  func aFlippedBitIsRefusedOrHarmless(_ name: String) throws {
    let sample = try #require(Self.samples.first { $0.name == name })
    var refused = 0
    try mutate(sample.bytes, at: Array(sample.bytes.indices)) { path in
      do throws(CheckpointError) { _ = try read(path) } catch {
        refused += 1
        #expect(!error.description.isEmpty)
      }
    }
    #expect(refused > 0)
  }

  @Test(arguments: ["v3/model.safetensors", "v3-bin/pytorch_model.bin", "v3-legacy-bin/pytorch_model.bin"])
  func aFlippedBitOfARealFileIsRefusedOrHarmless(_ name: String) throws {
    let bytes = try [UInt8](AtomicFile.read(base(name)))
    // Headers and pickles stand at the start; the directory of an archive at the end.
    var generator = Generator(state: 42)
    let positions = (0..<300).map { i in
      Int(generator.next() % 7000) + (i.isMultiple(of: 2) ? 0 : bytes.count - 7000)
    }
    try mutate(bytes, at: positions, bits: 1) { path in
      do throws(CheckpointError) { _ = try TensorFile(path: path) } catch { #expect(!error.description.isEmpty) }
    }
  }

  /// Calls `body` with the file after one bit was flipped, for the bits of
  /// each byte in turn.
  private func mutate(_ bytes: [UInt8], at positions: [Int], bits: Int = 8, _ body: (String) -> Void) throws {
    let folder = TemporaryFolder()
    let path = try folder.write(bytes)
    let handle = try #require(FileHandle(forUpdatingAtPath: path))
    func put(_ byte: UInt8, at position: Int) throws {
      try handle.seek(toOffset: UInt64(position))
      try handle.write(contentsOf: Data([byte]))
    }
    for position in positions {
      for bit in 0..<bits {
        try put(bytes[position] ^ 1 << UInt8((bit + position * (8 - bits)) % 8), at: position)
        body(path)
      }
      try put(bytes[position], at: position)
    }
    try handle.close()
  }
}

/// SplitMix64: the same mutations in every run.
struct Generator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}
