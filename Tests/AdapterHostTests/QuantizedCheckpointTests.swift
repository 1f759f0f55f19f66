import AdapterHost
import Foundation
import Kernels
import TestSupport
import Testing

/// A folder that `adapter-cli quantize` writes: the bits of int8 without the floats, or a reason why not.
@Suite struct QuantizedCheckpointTests {
  private let rows = TinyModel.ids([7, 1, 23])

  private func quantized(_ base: String, in folder: TemporaryFolder) throws -> String {
    let path = folder.path("q-" + base)
    try QuantizedCheckpoint.write(Fixtures.base(base), to: path)
    return path
  }

  @Test(arguments: ["v3", "noshare", "v2conv", "deberta-v1", "deberta-v1-talking"])
  func aQuantizedFolderGivesTheBitsOfInt8AndHoldsNoFloatsOfItsLinearLayers(_ base: String) throws {
    let folder = try TemporaryFolder()
    let path = try quantized(base, in: folder)
    let exact = try TinyModel.load(base)(rows).values
    let rounded = try TinyModel.load(base, Compute(precision: .int8))(rows).values
    for compute in [Compute(), Compute(precision: .int8)] {
      let model = try DebertaV2AdapterModel(folder: path, compute: compute)
      #expect(model.precision == .int8)
      expectClose(try model(rows).values, rounded, .exact)
    }
    #expect(rounded != exact)
    let file = try TensorFile(path: path + "/model.safetensors")
    let source = try TensorFile(path: Fixtures.base(base) + "/model.safetensors")
    for stored in source.tensors {
      let own = try #require(file[stored.name])
      #expect(own.shape == stored.shape)
      if own.elementType == .int8 {
        let scales = try #require(file[stored.name + "_scale"])
        #expect(scales.elementType == .float32 && scales.shape == [stored.shape[0]])
      } else {
        #expect(try own.elementType == stored.elementType && own.floats() == stored.floats())
      }
    }
    let names = file.tensors.filter { $0.elementType == .int8 }.map(\.name)
    let model = try TinyModel.load(base)
    #expect(names.count == model.configuration.layerCount * (model.configuration.family == .v1 ? 4 : 6))
  }

  @Test func adaptersActOverAQuantizedFolder() throws {
    let folder = try TemporaryFolder()
    let path = try quantized("v3", in: folder)
    func applied(_ folder: String, _ compute: Compute) throws -> [Float] {
      var model = try DebertaV2AdapterModel(folder: folder, compute: compute)
      try model.addRandom("lora[r=3, alpha=5]", named: "a", seed: 3)
      return try model(rows, setup: .composition(.adapter("a"))).values
    }
    expectClose(
      try applied(path, Compute()), try applied(Fixtures.base("v3"), Compute(precision: .int8)), .exact)
  }

  @Test func whatAQuantizedFolderCannotDoIsRefused() throws {
    let folder = try TemporaryFolder()
    let path = try quantized("v3", in: folder)
    let model = try DebertaV2AdapterModel(folder: path)
    let refusals: [(what: String, text: String?)] = [
      ("int8, so", refusal { _ = try DebertaV2AdapterModel(folder: path, compute: Compute(precision: .bf16)) }),
      ("int8, so", refusal { _ = try DebertaV2AdapterModel(folder: path, compute: Compute(precision: .float32)) }),
      ("quantized again", refusal { try QuantizedCheckpoint.write(path, to: folder.path("again")) }),
      ("trained", refusal { _ = try model.trainable(nil, heads: [], part: .everything) }),
      ("saved", refusal { try model.savePretrained(to: folder.path("whole")) }),
      ("q-v3", refusal { try QuantizedCheckpoint.write(Fixtures.base("v3"), to: path) }),
    ]
    for found in refusals {
      #expect(found.text?.contains(found.what) == true, "\(found.what): \(found.text ?? "nothing")")
    }
    #expect(!FileManager.default.fileExists(atPath: folder.path("again")))
  }

  /// The name of one weight, its scales, and how the folder is damaged.
  private static let weight = "encoder.layer.0.output.dense.weight"

  private func reason(
    of path: String, _ change: (inout [String: TypedTensor]) throws -> Void
  ) throws -> String? {
    let file = path + "/model.safetensors"
    let original = try Data(contentsOf: URL(filePath: file))
    defer { try? original.write(to: URL(filePath: file)) }
    let read = try TensorFile(path: file)
    var tensors = Dictionary(uniqueKeysWithValues: read.tensors.map { ($0.name, TypedTensor($0)) })
    try change(&tensors)
    try Safetensors.write(Array(tensors.values), to: file + "2")
    try FileManager.default.removeItem(atPath: file)
    try FileManager.default.moveItem(atPath: file + "2", toPath: file)
    return refusal { _ = try DebertaV2AdapterModel(folder: path) }
  }

  @Test func aTamperedFolderIsRefusedByItsReason() throws {
    let folder = try TemporaryFolder()
    let path = try quantized("v3", in: folder)
    let (weight, scale) = (Self.weight, Self.weight + "_scale")
    let file = try TensorFile(path: path + "/model.safetensors")
    let (shape, scales) = (try #require(file[weight]).shape, try #require(file[scale]).floats())
    let count = shape[0] * shape[1]
    func scaled(_ value: Float) -> TypedTensor {
      TypedTensor(OutgoingTensor(name: scale, shape: [shape[0]], values: [scales[0], value] + scales[2...]))
    }
    #expect(try reason(of: path) { _ in } == nil)
    let faults: [(what: String, change: (inout [String: TypedTensor]) -> Void)] = [
      ("_scale'[1] is 0.0", { $0[scale] = scaled(0) }),
      ("_scale'[1] is -0.5", { $0[scale] = scaled(-0.5) }),
      ("_scale'[1] is nan", { $0[scale] = scaled(.nan) }),
      ("_scale'[1] is inf", { $0[scale] = scaled(.infinity) }),
      ("has no tensor '", { $0[scale] = nil }),
      ("has no tensor '", { $0[weight] = nil }),
      (
        "element type F32; quantization_config in config.json promises I8",
        {
          $0[weight] = TypedTensor(
            OutgoingTensor(name: weight, shape: shape, values: Array(repeating: 0.5, count: count)))
        }
      ),
      (
        "element type I8; quantization_config in config.json promises F32",
        { $0[scale] = TypedTensor(name: scale, shape: [shape[0]], int8: Array(repeating: 1, count: shape[0])) }
      ),
      (
        "is needed",
        {
          $0[scale] = TypedTensor(
            OutgoingTensor(name: scale, shape: [shape[0] - 1], values: Array(scales.dropLast())))
        }
      ),
      (
        "is needed",
        {
          $0[weight] = TypedTensor(
            name: weight, shape: [shape[1], shape[0]], int8: Array(repeating: 1, count: count))
        }
      ),
      (
        "no place in this model",
        { $0["extra_scale"] = TypedTensor(OutgoingTensor(name: "deberta.extra", shape: [1], values: [1])) }
      ),
    ]
    for fault in faults {
      let found = try reason(of: path, fault.change)
      #expect(found?.contains(fault.what) == true, "\(fault.what): \(found ?? "nothing")")
    }
  }

  /// Without the member that says so, int8 would be read as whole numbers; the scales that are left show it.
  @Test func aConfigurationThatSaysOtherwiseIsRefused() throws {
    let folder = try TemporaryFolder()
    let path = try quantized("v3", in: folder)
    let file = path + "/config.json"
    let members = try ConfigurationFields(path: file).members
    func refused(_ value: JSONValue?) throws -> String? {
      var changed = members
      changed["quantization_config"] = value
      try JSONValue.object(changed).write(to: file)
      return refusal { _ = try DebertaV2AdapterModel(folder: path) }
    }
    #expect(try refused(members["quantization_config"]) == nil)
    #expect(try refused(nil)?.contains("_scale") == true)
    let other = JSONValue.object(["quant_method": .string("bitsandbytes"), "load_in_8bit": .bool(true)])
    #expect(try refused(other)?.contains("'bitsandbytes'") == true)
    let int4 = JSONValue.object(["quant_method": .string("adapter-host"), "weights": .string("int4")])
    #expect(try refused(int4)?.contains("'int4'") == true)
    #expect(try refused(.string("int8")) != nil)
  }

  @Test func weightsThatAreNotFiniteAreNotQuantized() throws {
    let folder = try TemporaryFolder()
    let source = folder.path("source")
    try FileManager.default.copyItem(atPath: Fixtures.base("v3"), toPath: source)
    var tensors = try TensorFile(path: source + "/model.safetensors").outgoing
    let index = try #require(tensors.firstIndex { $0.name == Self.weight })
    var values = tensors[index].values
    values[3] = .infinity
    tensors[index] = OutgoingTensor(name: Self.weight, shape: tensors[index].shape, values: values)
    try FileManager.default.removeItem(atPath: source + "/model.safetensors")
    try Safetensors.write(tensors, to: source + "/model.safetensors")
    let found = refusal { try QuantizedCheckpoint.write(source, to: folder.path("q")) }
    #expect(found?.contains(Self.weight) == true, "\(found ?? "nothing")")
    #expect(!FileManager.default.fileExists(atPath: folder.path("q")))
  }
}
