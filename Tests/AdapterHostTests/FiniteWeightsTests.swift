import AdapterHost
import Checkpoints
import Foundation
import TestSupport
import Testing

/// Weights that are not finite are found before anybody answers with them.
@Suite struct FiniteWeightsTests {
  private func first(_ values: [Float]) throws -> (index: Int, value: Float)? {
    let folder = try TemporaryFolder()
    let path = folder.path("model.safetensors")
    try Safetensors.write([OutgoingTensor(name: "a", shape: [values.count], values: values)], to: path)
    return try #require(TensorFile(path: path).tensors.first).firstNotFinite
  }

  @Test func `The first value that is not finite is found, wherever it stands`() throws {
    var values = [Float](repeating: .greatestFiniteMagnitude, count: 10_000)
    #expect(try first(values) == nil)
    for place in [9_999, 4_096, 4_095, 0] {
      values[place] = place.isMultiple(of: 2) ? .nan : -.infinity
      let found = try #require(try first(values))
      #expect(found.index == place)
      #expect(found.value.isNaN == place.isMultiple(of: 2))
    }
  }

  @Test func `An inspection names the tensor of an adapter that is not finite, and the place`() throws {
    let folder = try TemporaryFolder()
    let source = Fixtures.root.appending(path: "Adapters/debian-section").path
    let copy = folder.path("copy")
    try FileManager.default.copyItem(atPath: source, toPath: copy)
    let base = try Inspection.Base(folder: Fixtures.root.appending(path: "Models/deberta-v3-tiny-en").path)
    #expect(try Inspection(copy, base: base).parts.allSatisfy { $0.problem == nil })
    let file = URL(filePath: copy + "/adapter.safetensors")
    var bytes = try Data(contentsOf: file)
    // The values begin after the header, whose length the first eight bytes hold.
    let start = 8 + bytes.prefix(8).reversed().reduce(0) { $0 << 8 + Int($1) }
    bytes.replaceSubrange(start + 4..<start + 8, with: [0, 0, 0xC0, 0x7F])
    try bytes.write(to: file)
    let problem = try #require(Inspection(copy, base: base).parts[0].problem)
    #expect(problem.contains("holds numbers that are not finite: NaN at [1]"))
  }
}
