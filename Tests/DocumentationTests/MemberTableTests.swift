import Foundation
import TestSupport
import Testing

/// The table of members names what there is: every member of the page, symbols of this package, and tests of it.
@Suite struct MemberTableTests {
  private struct Row {
    let members: [String]
    let ours: String
    let test: String
  }

  /// The members of `adapters.DebertaV2AdapterModel` in the documentation of adapters 1.3.0.
  private static let page = [
    "active_adapters", "active_head", "adapter_summary", "add_adapter", "add_adapter_fusion", "add_classification_head",
    "add_masked_lm_head", "add_multiple_choice_head", "add_qa_head", "add_tagging_head", "apply_to_adapter_layers",
    "apply_to_basemodel_childs", "average_adapter", "delete_adapter", "delete_adapter_fusion", "delete_head",
    "eject_prefix_tuning", "forward", "forward_context", "forward_head", "freeze_model", "get_adapter", "get_labels",
    "get_labels_dict", "get_output_embeddings", "head_type", "init_adapters", "iter_layers", "load_adapter",
    "load_adapter_fusion", "merge_adapter", "push_adapter_to_hub", "reset_adapter", "save_adapter",
    "save_adapter_fusion", "save_all_adapter_fusions", "save_all_adapters", "save_pretrained", "set_active_adapters",
    "tie_weights", "train_adapter", "train_adapter_fusion", "train_fusion", "DebertaV2AdapterModel",
  ]

  private static func rows() throws -> [Row] {
    let url = Fixtures.root.appending(path: "Sources/AdapterHost/AdapterHost.docc/Members.md")
    var last: [String] = []
    return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").filter { $0.hasPrefix("| ") }.dropFirst()
      .map { line in
        let cells = line.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false).map {
          $0.trimmingCharacters(in: .whitespaces)
        }
        #expect(cells.count == 4, "\(line)")
        if !cells[0].isEmpty { last = cells[0].components(separatedBy: ", ") }
        return Row(members: last, ours: cells[2], test: cells[3])
      }
  }

  private static func text(of folder: String) throws -> String {
    let root = Fixtures.root.appending(path: folder)
    let files = FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil)
    var text = ""
    while let file = files?.nextObject() as? URL {
      if file.pathExtension == "swift" { text += try String(contentsOf: file, encoding: .utf8) }
    }
    return text
  }

  @Test func everyMemberOfThePageIsInTheTable() throws {
    let members = Set(try Self.rows().flatMap(\.members))
    for member in Self.page { #expect(members.contains(member), "\(member)") }
    #expect(Self.page.count == 44)
  }

  @Test func everyRowHasATestOrAReasonWhyNot() throws {
    let tests = try Self.text(of: "Tests")
    for row in try Self.rows() {
      if row.test.isEmpty {
        #expect(row.ours.contains("left") || row.ours.contains("no value"), "\(row.members): \(row.ours)")
      } else {
        #expect(tests.contains("func \(row.test)("), "\(row.members): \(row.test)")
      }
    }
    // In two parts, so that this line is no such function.
    #expect(!tests.contains("func aTestThat" + "ThereIsNot("))
  }

  @Test func everySymbolIsOneOfThisPackage() throws {
    let sources = try Self.text(of: "Sources")
    for row in try Self.rows() {
      for symbol in row.ours.matches(of: /`\.?([A-Za-z]+)/).map({ String($0.output.1) }) {
        let isDeclared = [
          "func \(symbol)", "var \(symbol)", "let \(symbol)", "struct \(symbol)", "enum \(symbol)",
          "case \(symbol)", " \(symbol):", "\(symbol) ",
        ].contains { sources.contains($0) }
        #expect(isDeclared, "\(row.members): \(symbol)")
      }
    }
  }
}
