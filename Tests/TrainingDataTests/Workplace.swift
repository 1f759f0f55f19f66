import Foundation
import Heads
import Tokenization

@testable import Training

/// A folder that lasts as long as the value.
final class TemporaryFolder {
  private let folder = FileManager.default.temporaryDirectory.appending(path: "training-data-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func path(_ name: String) -> String { folder.appending(path: name).path }

  /// Writes a file and returns its path.
  func write(_ text: String, as name: String) throws -> String {
    try Data(text.utf8).write(to: folder.appending(path: name))
    return path(name)
  }
}

/// The package's own folder.
let root = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
  .deletingLastPathComponent().deletingLastPathComponent()

/// The tokenizer of the shipped base: 8,000 pieces and `[MASK]`.
let shippedTokenizer = Result {
  try DebertaV2Tokenizer(folder: root.appending(path: "Models/deberta-v3-tiny-en").path)
}

/// The examples of a file with this text.
func read(
  _ text: String, as name: String, for task: TrainingTask, columns: DataColumns = [:],
  tolerance: FaultTolerance = FaultTolerance()
) throws -> SourceData {
  let folder = try TemporaryFolder()
  return try SourceData(path: folder.write(text, as: name), for: task, columns: columns, tolerance: tolerance)
}

/// What is thrown, as people see it, without the folders of paths.
func message(_ body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch {
    return "\(error)".replacing(/\/\S*\//) { _ in "" }
  }
}

extension SourceData {
  /// The texts of the examples.
  var texts: [String] {
    examples.map { example in
      switch example.content {
      case .text(let text, let pair): text + (pair.map { "|\($0)" } ?? "")
      case .words(let sentence):
        sentence.ranges.map { String(String.UnicodeScalarView(Array(sentence.text.unicodeScalars)[$0])) }
          .joined(separator: "|")
      case .question(let question, let context): "\(question)|\(context)"
      case .choices(let prompt, let choices): ([prompt] + choices).joined(separator: "|")
      }
    }
  }

  var answers: [SourceExample.Answer] { examples.map(\.answer) }

  /// The faults without the file.
  var reasons: [String] { faults.first.map { "\($0.line): \($0.reason)" } }
}
