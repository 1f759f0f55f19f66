import AdapterHost
import Checkpoints
import Foundation
import Kernels
import Tensors
import TestSupport
import Testing

/// A model computes with the weights of its file: halves are widened where they are read, and nothing else changes.
@Suite struct HalfWeightLaws {
  private static let types: [ElementType] = [.float16, .bfloat16]

  /// A base of the fixtures with every tensor rounded to a type, stored as halves or as float32.
  private func rounded(_ base: String, to type: ElementType, asHalves: Bool, in folder: TemporaryFolder) throws
    -> String
  {
    let path = try folder.folder("\(type)-\(asHalves)")
    let source = Fixtures.base(base)
    for name in try FileManager.default.contentsOfDirectory(atPath: source) where name != "model.safetensors" {
      try FileManager.default.copyItem(atPath: "\(source)/\(name)", toPath: "\(path)/\(name)")
    }
    var tensors: [HalfTensor] = []
    for tensor in try TensorFile(path: "\(source)/model.safetensors").tensors {
      tensors.append(HalfTensor(name: tensor.name, shape: tensor.shape, try tensor.floats(), type))
    }
    let file = "\(path)/model.safetensors"
    if asHalves {
      try HalfTensor.write(tensors, to: file)
    } else {
      try Safetensors.write(
        tensors.map { OutgoingTensor(name: $0.name, shape: $0.shape, values: $0.widened) }, to: file)
    }
    return path
  }

  @Test(arguments: bases, types)
  func halvesGiveTheBitsOfTheSameValuesInFloat32(_ base: String, _ type: ElementType) throws {
    let folder = try TemporaryFolder()
    let rows = TinyModel.ids([7, 1, 23, 12, 40])
    let exact = try TinyModel.load(base)(rows).values
    let (halves, wide) = (
      try rounded(base, to: type, asHalves: true, in: folder), try rounded(base, to: type, asHalves: false, in: folder)
    )
    for kernels in VectorKernels.InstructionSet.allCases.compactMap({ VectorKernels($0) }) {
      let compute = Compute(kernels: kernels, threads: 2)
      let (a, b) = (
        try DebertaV2AdapterModel(folder: halves, compute: compute),
        try DebertaV2AdapterModel(folder: wide, compute: compute)
      )
      #expect(a.linear(.attentionOutput, layer: 0).weight.type != .exact(.float32))
      #expect(b.linear(.attentionOutput, layer: 0).weight.type == .exact(.float32))
      let values = try a(rows).values
      expectClose(values, try b(rows).values, .exact, kernels.instructionSet.rawValue)
      #expect(values != exact, "rounding changed nothing, so that nothing is proved")
    }
  }

  /// What needs the base's weights gets their very values: DoRA's lengths, merging, and a merged checkpoint on disk.
  @Test(arguments: types)
  func mergingIntoHalvesIsMergingIntoTheSameValuesInFloat32(_ type: ElementType) throws {
    let folder = try TemporaryFolder()
    let rows = TinyModel.ids([7, 23])
    func merged(_ path: String) throws -> (plain: [Float], applied: [Float], merged: [Float]) {
      var model = try DebertaV2AdapterModel(folder: path, compute: TinyModel.compute)
      let plain = try model(rows).values
      try model.addRandom("dora[r=3, alpha=5, attn_matrices=['q', 'v']]", named: "d", seed: 3)
      let applied = try model(rows, setup: .composition(.adapter("d"))).values
      try MergedCheckpoint.write("d", of: model, from: path, to: path + "-merged")
      try model.mergeAdapter("d")
      return (plain, applied, try model(rows).values)
    }
    let halves = try merged(rounded("v3", to: type, asHalves: true, in: folder))
    let wide = try merged(rounded("v3", to: type, asHalves: false, in: folder))
    expectFarOff(halves.applied, halves.plain)
    expectClose(halves.applied, wide.applied, .exact)
    expectClose(halves.merged, wide.merged, .exact)
    expectClose(halves.merged, halves.applied, .model)
  }
}

/// A tensor of halves for a file, by the definition of the format.
private struct HalfTensor {
  let name: String
  let shape: [Int]
  let type: ElementType
  let bits: [UInt16]

  /// Bfloat16 is cut, which is a rounding like another.
  init(name: String, shape: [Int], _ values: [Float], _ type: ElementType) {
    self.name = name
    self.shape = shape
    self.type = type
    bits = values.map {
      type == .float16 ? Float16($0).bitPattern : UInt16(truncatingIfNeeded: $0.bitPattern >> 16)
    }
  }

  var widened: [Float] {
    bits.map { type == .float16 ? Float(Float16(bitPattern: $0)) : Float(bitPattern: UInt32($0) << 16) }
  }

  static func write(_ tensors: [HalfTensor], to path: String) throws {
    var (members, data) = ([String: Any](), Data())
    for tensor in tensors {
      let first = data.count
      tensor.bits.withUnsafeBytes { data.append(contentsOf: $0) }
      members[tensor.name] = [
        "dtype": tensor.type.rawValue, "shape": tensor.shape, "data_offsets": [first, data.count],
      ]
    }
    var header = try JSONSerialization.data(withJSONObject: members)
    header.append(contentsOf: Array(repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8))
    let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) }
    try (length + header + data).write(to: URL(filePath: path))
  }
}
