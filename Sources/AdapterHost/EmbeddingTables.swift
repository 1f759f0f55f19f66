internal import Checkpoints
internal import Files
internal import Foundation
internal import Tensors
internal import Tokenization

/// Word embeddings by name, one of them active. Those of the base are called `default`.
struct EmbeddingTables: Sendable {
  static let base = "default"

  struct Table: Sendable {
    /// [vocabulary, E]
    let words: WeightMatrix
    /// The folder of the tokenizer for its rows, if it was loaded with one.
    let tokenizer: String?
  }

  private(set) var tables: [String: Table]
  var active = EmbeddingTables.base

  /// - Parameter words: the base's embeddings.
  init(_ words: WeightMatrix) { tables = [Self.base: Table(words: words, tokenizer: nil)] }

  subscript(name: String) -> Table? {
    get { tables[name] }
    set { tables[name] = newValue }
  }

  /// The names, with that of the base first.
  var names: [String] { [Self.base] + tables.keys.filter { $0 != Self.base }.sorted() }
}

/// A folder written by `save_embeddings` of the Python library: `embedding.pt`, one parameter, and `tokenizer/`.
///
/// Source: adapters, `model_mixin.py`, `EmbeddingAdaptersMixin`.
enum SavedEmbeddings {
  static let file = "embedding.pt"
  static let tokenizer = "tokenizer"

  /// Reads a table with rows of the given width, which stay memory-mapped.
  ///
  /// - Throws: `CheckpointError` for a missing or broken file; `WordTableError.width`.
  static func read(_ folder: String, width: Int) throws -> EmbeddingTables.Table {
    let path = "\(folder)/\(file)"
    let weights = try TensorFile(path: path, singleTensor: "weight")
    guard weights.tensors.count == 1, let tensor = weights["weight"] else {
      throw WordTableError.notOneTensor(path: path, names: weights.tensors.map(\.name))
    }
    guard tensor.shape.count == 2, tensor.shape[0] > 0, tensor.shape[1] == width else {
      throw WordTableError.width(path: path, found: tensor.shape, expected: width)
    }
    let tokenizer = "\(folder)/\(tokenizer)"
    let hasTokenizer = FileSystem.kind(of: tokenizer) == .folder
    return EmbeddingTables.Table(words: try WeightMatrix(tensor), tokenizer: hasTokenizer ? tokenizer : nil)
  }

  /// Writes a table and its tokenizer's files into an existing folder.
  static func write(_ words: Tensor, tokenizer source: String?, to folder: String) throws {
    let tensor = OutgoingTensor(name: "weight", shape: [words.rows, words.columns], values: words.array)
    try TorchParameter.write(tensor, to: "\(folder)/\(file)")
    guard let source else { return }
    try Folders.create("\(folder)/\(tokenizer)")
    for name in AutoTokenizer.files where FileSystem.exists("\(source)/\(name)") {
      try AtomicFile.write(AtomicFile.read("\(source)/\(name)"), to: "\(folder)/\(tokenizer)/\(name)")
    }
  }
}

/// Why word embeddings cannot be used.
public enum WordTableError: Error, Hashable, Sendable, CustomStringConvertible {
  case exists(name: String)
  case unknown(name: String, names: [String])
  case isBase
  case notOneTensor(path: String, names: [String])
  case width(path: String, found: [Int], expected: Int)
  case noReferenceRow(token: String, id: Int, rows: Int)
  case noRows

  public var description: String {
    switch self {
    case .exists(let name): "There are already embeddings called '\(name)'; delete them first, or choose another name."
    case .unknown(let name, let names):
      "No embeddings are called '\(name)'; there are \(names.map { "'\($0)'" }.joined(separator: ", "))."
    case .isBase: "The embeddings 'default' are the base model's own; they cannot be replaced or deleted."
    case .notOneTensor(let path, let names):
      "\(path): expected one parameter, as save_embeddings writes it; found \(names.prefix(4).joined(separator: ", "))."
    case .width(let path, let found, let expected):
      "\(path): the embeddings are \(found); expected [vocabulary, \(expected)]. Were they made for a model of another "
        + "size?"
    case .noReferenceRow(let token, let id, let rows):
      "The token '\(token)' has the number \(id) in the reference's vocabulary, but its embeddings have \(rows) rows."
    case .noRows: "Embeddings need a vocabulary of at least one token."
    }
  }
}
