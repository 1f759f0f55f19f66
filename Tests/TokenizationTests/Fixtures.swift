import Foundation
import Tokenization

/// Where the tests' files are, found from this one.
enum Fixtures {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  static let model = root.appending(path: "Models/deberta-v3-tiny-en")
  static let tokenizer = root.appending(path: "Tests/Fixtures/tokenizer")

  static let slow = Result { try DebertaV2Tokenizer(folder: model.path) }
  static let fast = Result { try DebertaV2Tokenizer(folder: model.path, variant: .fast) }

  static func lines<Line: Decodable>(of file: URL, as type: Line.Type = Line.self) throws -> [Line] {
    try Data(contentsOf: file).split(separator: UInt8(ascii: "\n")).map { try JSONDecoder().decode(type, from: $0) }
  }

  /// A folder of its own with the given files, removed afterwards.
  static func withFolder<Value>(_ files: [String: Data], _ body: (_ folder: String) throws -> Value) throws -> Value {
    let folder = FileManager.default.temporaryDirectory.appending(path: "tokenizer-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for (name, data) in files { try data.write(to: folder.appending(path: name)) }
    return try body(folder.path)
  }

  static func sentencePiece() throws -> Data { try Data(contentsOf: model.appending(path: "spm.model")) }

  /// The model with other settings; the tokenizer reads all it needs in `init`.
  static func tokenizer(
    settings: String, variant: TokenizerVariant = .slow
  ) throws -> DebertaV2Tokenizer {
    try withFolder(["spm.model": try sentencePiece(), "tokenizer_config.json": Data(settings.utf8)]) {
      try DebertaV2Tokenizer(folder: $0, variant: variant)
    }
  }
}

extension String {
  /// The scalars of a range, as Python's `text[a:b]`.
  func scalars(_ range: Range<Int>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: Array(unicodeScalars)[range])
    return String(view)
  }
}
