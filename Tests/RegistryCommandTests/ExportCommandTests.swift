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

  @Test func `A LoRA is written as a folder of PEFT, which is read back to the same hidden states`() throws {
    let inputs = place.path("inputs.json")
    try Data(#"{"input_ids": [[1, 309, 77, 2]]}"#.utf8).write(to: URL(filePath: inputs))
    func states(_ adapter: [String]) throws -> [Float] {
      let output = place.path("states.safetensors")
      let outcome = try place.run(
        ["forward", "--model", "Models/deberta-v3-tiny-en", "--inputs", inputs, "--output", output] + adapter)
      #expect(outcome.exitCode == 0, "\(outcome)")
      return try #require(TensorFile(path: output)["last_hidden_state"]).floats()
    }
    let exported = try place.run("export", "debian-facets", "peft", "--peft")
    // The head's tanh is not the pooler's activation of this base model.
    #expect(exported.exitCode == 0 && exported.messages.hasPrefix("Without its head (multilabel_classification): "))
    #expect(try files("peft") == ["adapter_config.json", "adapter_model.safetensors"])
    let adapted = try states(["--adapter", "a=Adapters/debian-facets", "--setup", "a"])
    #expect(try states([]) != adapted)
    #expect(try states(["--adapter", "a=peft", "--setup", "a"]) == adapted)
  }

  @Test func `A head that transformers has is written with the LoRA`() throws {
    #expect(
      try place.run("add", "tags", "--config", "lora[r=2]", "--head", "tagging", "--labels", "O,B-X,I-X").exitCode == 0)
    let exported = try place.run("export", "tags", "peft", "--peft")
    #expect(exported == .printed("Wrote tags to peft.\n"))
    let names = try TensorFile(path: place.path("peft/adapter_model.safetensors")).tensors.map(\.name)
    #expect(names.contains("base_model.model.classifier.weight"))
    func scores(_ folder: String) throws -> String {
      try place.run("predict", "--adapter", "a=\(folder)", "--labels", "O,B-X,I-X", "--scores", "some text").output
    }
    #expect(try place.run("predict", "--setup", "tags", "--scores", "some text").output != "")
    #expect(
      try scores("peft")
        == place.run("predict", "--setup", "tags", "--scores", "some text").output.replacing("\"tags\"", with: "\"a\""))
  }

  @Test func `What PEFT does not have is refused`() throws {
    let before = try place.contents()
    #expect(try place.run("export", "truecase", "peft", "--peft").messages.contains("double_seq_bn"))
    #expect(try place.contents() == before)
    #expect(try place.run("export", "debian-facets", "peft", "--peft", "--format", "bin").exitCode == 0)
    #expect(try files("peft") == ["adapter_config.json", "adapter_model.bin"])
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
