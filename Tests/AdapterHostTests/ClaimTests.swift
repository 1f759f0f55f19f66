import AdapterHost
import Foundation
import Glibc
import TestSupport
import Testing

@testable import Checkpoints

/// Sizes that a small file claims: they are compared with the tensors that are there before anything is made of them.
@Suite struct ClaimTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// The head of a shipped adapter, in a folder of its own, with other members of its configuration.
  private func head(_ change: (inout [String: JSONValue]) throws -> Void) throws -> String {
    let shipped = Fixtures.root.appending(path: "Adapters/debian-section").path
    let path = try folder.folder("head")
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.copyItem(atPath: shipped, toPath: path)
    for name in try FileManager.default.contentsOfDirectory(atPath: path) where !name.contains("head") {
      try FileManager.default.removeItem(atPath: path + "/" + name)
    }
    let file = path + "/head_config.json"
    guard case .object(var members) = try JSONValue(path: file) else { throw CocoaError(.fileReadCorruptFile) }
    try change(&members)
    try JSONValue.object(members).write(to: file)
    return path
  }

  private func problem(_ path: String) throws -> String? { try Inspection(path).parts.first?.problem }

  @Test func `A head as it was saved has no problem`() throws {
    #expect(try problem(head { _ in }) == nil)
  }

  @Test(arguments: [65_536, 1 << 20, 1 << 32, Int.max, -1, 0])
  func `A width that the tensors do not have is refused, and nothing of it is made`(_ width: Int) throws {
    let path = try head { $0["hidden_size"] = .integer(width) }
    #expect(try problem(path) != nil)
  }

  @Test(arguments: [1 << 20, 1 << 30, Int.max])
  func `A number of labels that the tensors do not have is refused, and nothing of it is made`(_ count: Int) throws {
    let path = try head { members in
      guard case .object(var configuration) = members["config"] else { return }
      configuration["num_labels"] = .integer(count)
      configuration["label2id"] = .null
      members["config"] = .object(configuration)
    }
    #expect(try problem(path) != nil)
    var model = try DebertaV2AdapterModel(folder: Fixtures.root.appending(path: "Models/deberta-v3-tiny-en").path)
    #expect(throws: (any Error).self) { try model.loadHead(path, as: "claimed") }
  }

  /// The file is sparse: reading it would take a terabyte.
  @Test func `A configuration that is too large to be one is refused at once`() throws {
    let path = try folder.folder("model")
    let file = try folder.write("{}", as: "model/config.json")
    #expect(truncate(file, 1 << 40) == 0)
    #expect(throws: CheckpointError.overLimit(.bytes, found: 1 << 40, limit: Limits.configurationBytes, file: file)) {
      _ = try CheckpointFolder(path: path)
    }
  }
}
