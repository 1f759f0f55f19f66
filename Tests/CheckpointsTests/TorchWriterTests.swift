import Foundation
import Testing

@testable import Checkpoints

/// The `.bin` files that `torch.load(weights_only=True)` reads.
@Suite struct TorchWriterTests {
  private let folder = TemporaryFolder()
  private let tensors = [
    OutgoingTensor(name: "b.ü", shape: [2, 3], values: [1, -2, 3.5, .infinity, 0, -0]),
    OutgoingTensor(name: "a", shape: [], values: [.pi]), OutgoingTensor(name: "c", shape: [0, 4], values: []),
    OutgoingTensor(name: "long", shape: [70_000, 1], values: (0..<70_000).map { Float($0) }),
  ]

  private func write(_ tensors: [OutgoingTensor]) throws -> String {
    let path = folder.path + "/t.bin"
    try TorchArchive.write(tensors, to: path)
    return path
  }

  @Test func `What is written is read back, names, shapes and bits`() throws {
    let file = try TensorFile(path: write(tensors))
    let sorted = tensors.sorted { $0.name < $1.name }
    #expect(file.tensors.map(\.name) == sorted.map(\.name))
    #expect(file.tensors.map(\.shape) == sorted.map(\.shape))
    #expect(try file.tensors.map { try $0.floats().map(\.bitPattern) } == sorted.map { $0.values.map(\.bitPattern) })
  }

  @Test func `Elements lie where PyTorch maps them, at multiples of 64 bytes`() throws {
    let file = try MappedFile(path: write(tensors))
    let entries = try ZipArchive(file).entries
    #expect(entries.keys.sorted().prefix(3) == ["archive/byteorder", "archive/data.pkl", "archive/data/0"])
    for (name, range) in entries { #expect(range.lowerBound.isMultiple(of: 64), "\(name)") }
  }

  @Test func `Equal content gives equal bytes, whatever the order`() throws {
    let first = try Data(contentsOf: URL(filePath: write(tensors)))
    #expect(try Data(contentsOf: URL(filePath: write(tensors.reversed()))) == first)
    #expect(try Data(contentsOf: URL(filePath: write(Array(tensors.dropLast())))) != first)
  }

  @Test func `A name twice is refused, and nothing is written`() throws {
    #expect(throws: CheckpointError.self) { try write([tensors[0], tensors[0]]) }
    #expect(try folder.contents == [])
  }

  @Test func `The checksum is that of zip`() {
    #expect(Array("123456789".utf8).withUnsafeBytes { CRC32.of($0) } == 0xCBF4_3926)
  }
}
