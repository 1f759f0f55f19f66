import Foundation
import TestSupport
import Testing

@testable import AdapterHost

@Suite struct SentenceTransformerTests {
  private static func module(_ kind: String, _ path: String = "") -> String {
    #"{"idx": 0, "name": "0", "path": "\#(path)", "type": "sentence_transformers.models.\#(kind)"}"#
  }

  private static let modules =
    "[\(module("Transformer")), \(module("Pooling", "1_Pooling")), \(module("Normalize", "2"))]"
  private static let cls = #"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}"#

  /// A folder with these files.
  private func read(_ files: [String: String]) throws -> SentenceTransformerFolder? {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder.path("1_Pooling"), withIntermediateDirectories: true)
    for (name, text) in files { try folder.write(text, as: name) }
    return try SentenceTransformerFolder(folder.path)
  }

  @Test func `Modules say how vectors are made`() throws {
    #expect(try read([:]) == nil)
    let folder = try read([
      "modules.json": Self.modules, "1_Pooling/config.json": Self.cls,
      "sentence_bert_config.json": #"{"max_seq_length": 16, "do_lower_case": false}"#,
      "config_sentence_transformers.json": #"{"prompts": {"query": "q: "}, "default_prompt_name": null}"#,
    ])
    #expect(folder?.pooling == .cls && folder?.normalize == true && folder?.maximumLength == 16)
    let plain = try read([
      "modules.json": "[\(Self.module("Transformer")), \(Self.module("Pooling", "1_Pooling"))]",
      "1_Pooling/config.json": #"{"pooling_mode_max_tokens": false}"#,
    ])
    #expect(plain?.pooling == .mean && plain?.normalize == false && plain?.maximumLength == nil)
  }

  @Test(arguments: [
    (
      "modules.json", "[\(module("Transformer")), \(module("Pooling", "1_Pooling")), \(module("Dense", "2_Dense"))]",
      "Dense"
    ),
    ("modules.json", "[\(module("Transformer"))]", "no module 'Pooling'"),
    ("1_Pooling/config.json", #"{"pooling_mode_max_tokens": true, "pooling_mode_mean_tokens": false}"#, "max_tokens"),
    ("1_Pooling/config.json", #"{"pooling_mode_cls_token": true}"#, "pooling_mode_cls_token"),
    ("1_Pooling/config.json", #"{"pooling_mode": "lasttoken"}"#, "lasttoken"),
    ("sentence_bert_config.json", #"{"do_lower_case": true}"#, "do_lower_case"),
    ("config_sentence_transformers.json", #"{"default_prompt_name": "query"}"#, "default_prompt_name"),
  ])
  func `What would make other vectors is refused by its name`(_ name: String, _ text: String, _ reason: String) throws {
    var files = ["modules.json": Self.modules, "1_Pooling/config.json": Self.cls]
    #expect(try read(files) != nil)
    files[name] = text
    #expect(message { _ = try read(files) }?.contains(reason) == true)
  }
}
