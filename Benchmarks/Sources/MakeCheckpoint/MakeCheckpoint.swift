internal import AdapterHost
internal import ArgumentParser
internal import Foundation

@main
struct MakeCheckpoint: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "make-checkpoint",
    abstract: "Writes a random checkpoint of the shape of DeBERTa-v3-base or DeBERTa-base, with adapters and heads.",
    discussion: """
      The folder gets: base (config.json, model.safetensors, the tokenizer's files), lora and seq_bn (adapters with
      heads), lora-0 ... lora-15 (LoRA of rank 8 on query and value), head-0 ... head-3 (classification, two labels).
      Names and formats are those of transformers and adapters, which load them too. A seed repeats every byte.
      """)

  @Argument(help: "The folder to write; made where it is missing.") var folder: String
  @Option(help: "Whose base: v3, or v1, which gets no tokenizer.") var model = BaseModel.v3
  @Option(help: "The folder whose tokenizer files are copied: any with pieces below 128,100.") var tokenizer: String

  private static let tokenizerFiles = [
    "spm.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
  ]

  func run() throws {
    let base = folder + "/base"
    try create(base)
    for name in model == .v3 ? Self.tokenizerFiles : [] {
      try Data(contentsOf: URL(filePath: tokenizer + "/" + name)).write(to: URL(filePath: base + "/" + name))
    }
    try model.configuration.write(to: base + "/config.json")
    let shape = try DebertaConfiguration(json: Data(model.configuration.indented.utf8), file: "config.json")
    try writeAdapters(RandomAdapters(shape))
    var random = RandomNumbers(seed: 0)
    // Last, so that a folder with this file is complete.
    try Safetensors.write(model.tensors(shape, &random), metadata: ["format": "pt"], to: base + "/model.safetensors")
  }

  private func writeAdapters(_ adapters: RandomAdapters) throws {
    for (index, preset) in ["lora", "seq_bn"].enumerated() {
      try adapters.writeAdapter(preset, preset: preset, seed: UInt64(index + 1), to: create(folder + "/" + preset))
      try adapters.writeHead(preset, seed: UInt64(index + 1), to: folder + "/" + preset)
    }
    for index in 0..<16 {
      let name = "lora-\(index)"
      try adapters.writeAdapter(name, preset: "lora", seed: UInt64(index + 100), to: create(folder + "/" + name))
    }
    for index in 0..<4 {
      let name = "head-\(index)"
      try adapters.writeHead(name, seed: UInt64(index + 200), to: create(folder + "/" + name))
    }
  }

  @discardableResult
  private func create(_ path: String) throws -> String {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }
}
