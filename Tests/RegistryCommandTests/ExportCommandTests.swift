import AdapterHost
import Foundation
import TestSupport
import Testing

@Suite struct ExportCommandTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  private func files(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: place.path(folder)).sorted()
  }

  private static let configurations = ["adapter_config.json", "head_config.json"]
  private static let bins = ["pytorch_adapter.bin", "pytorch_model_head.bin"]
  private static let safetensors = ["adapter.safetensors", "model_head.safetensors"]

  @Test(arguments: [("both", bins + safetensors), ("bin", bins), ("safetensors", safetensors)])
  func `The files of a format are written, with the registered values`(_ format: String, _ names: [String]) throws {
    #expect(try place.run("export", "debian-section", "out", "--format", format).exitCode == 0)
    #expect(try files("out") == (Self.configurations + names).sorted())
    for name in names {
      let registered = name.contains("head") ? "model_head.safetensors" : "adapter.safetensors"
      let expected = try TensorFile(path: place.path("Adapters/debian-section/\(registered)")).tensors
      let found = try TensorFile(path: place.path("out/\(name)")).tensors
      #expect(found.map(\.name) == expected.map(\.name) && found.map(\.shape) == expected.map(\.shape))
      #expect(try found.map { try $0.floats() } == expected.map { try $0.floats() })
    }
  }

  @Test func `Without a choice both files are written, and either answers alike`() throws {
    let report = try place.run("export", "debian-section", "out", "--json")
    #expect(try report.object.strings("files") == (Self.configurations + Self.bins + Self.safetensors).sorted())
    let both = try place.run("predict", "--adapter", "a=out", "--scores", "some text")
    for name in Self.safetensors { try FileManager.default.removeItem(atPath: place.path("out/\(name)")) }
    #expect(try place.run("predict", "--adapter", "a=out", "--scores", "some text") == both)
    #expect(both.output.contains(#""heads": {"a": {"#))
  }

  @Test func `A folder that is written again keeps no file of the other format`() throws {
    var model = try DebertaV2AdapterModel(folder: place.path("Models/deberta-v3-tiny-en"))
    try model.loadAdapter(place.path("Adapters/debian-section"))
    let folder = place.path("saved")
    try model.saveAdapter("debian-section", to: folder, as: .both)
    try model.saveAdapter("debian-section", to: folder, as: .bin)
    #expect(try files("saved") == (Self.configurations + Self.bins).sorted())
    try model.saveAdapter("debian-section", to: folder)
    #expect(try files("saved") == (Self.configurations + Self.safetensors).sorted())
  }
}
