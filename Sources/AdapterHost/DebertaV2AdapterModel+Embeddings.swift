internal import Checkpoints
public import Tensors
internal import Tokenization

// Word embeddings for other vocabularies. Names follow `adapters.EmbeddingAdaptersMixin`.

extension DebertaV2AdapterModel {
  /// The names of the loaded word embeddings; those of the base are called `default`.
  public var embeddingNames: [String] { tables.names }

  /// The name of the active word embeddings.
  public var activeEmbeddings: String { tables.active }

  /// The active word embeddings as float32, [vocabulary, E].
  public var wordEmbeddings: Tensor { bound.encoder.wordEmbeddings.widened(compute) }

  /// The number of words of some embeddings; nil if there are none with this name.
  public func vocabularySize(ofEmbeddings name: String) -> Int? { tables[name]?.words.rows }

  /// Adds word embeddings for another vocabulary, and makes them active.
  ///
  /// Rows are N(0, 0.02), except that tokens also in the reference get copies of its rows.
  ///
  /// - Parameters:
  ///   - name: the name of the new embeddings.
  ///   - vocabulary: the token of each row; nil for a row without a token.
  ///   - reference: loaded embeddings, with the token of each of their rows.
  ///   - tokenizer: the folder of the tokenizer to save with them.
  ///   - seed: makes the random values reproducible.
  /// - Throws: `WordTableError`.
  public mutating func addEmbeddings(
    _ name: String, vocabulary: [String?], reference: (name: String, vocabulary: [String?])? = nil,
    tokenizer: String? = nil, seed: UInt64 = 0
  ) throws {
    if tables[name] != nil { throw WordTableError.exists(name: name) }
    if vocabulary.isEmpty { throw WordTableError.noRows }
    let width = configuration.embeddingSize
    var random = RandomNumbers(seed: seed)
    var values = (0..<vocabulary.count * width).map { _ in 0.02 * random.normal() }
    if let reference {
      guard let source = tables[reference.name] else { throw unknown(embeddings: reference.name) }
      var numbers: [String: Int] = [:]
      for (id, token) in reference.vocabulary.enumerated() { if let token { numbers[token] = id } }
      let rows = source.words.widened(compute)
      for (id, token) in vocabulary.enumerated() {
        guard let token, let own = numbers[token] else { continue }
        guard own < rows.rows else { throw WordTableError.noReferenceRow(token: token, id: own, rows: rows.rows) }
        values.replaceSubrange(id * width..<(id + 1) * width, with: rows.rows(own..<own + 1).array)
      }
    }
    let words = WeightMatrix(Tensor(values, rows: vocabulary.count, columns: width))
    tables[name] = EmbeddingTables.Table(words: words, tokenizer: tokenizer)
    try setActiveEmbeddings(name)
  }

  /// Adds word embeddings for the vocabulary of a tokenizer folder, and makes them active.
  ///
  /// - Parameters:
  ///   - name: the name of the new embeddings.
  ///   - tokenizer: a folder with the files of a tokenizer.
  ///   - reference: loaded embeddings and the folder of their tokenizer; rows of shared tokens are copied.
  ///   - seed: makes the random values reproducible.
  public mutating func addEmbeddings(
    _ name: String, tokenizer: String, reference: (name: String, tokenizer: String)? = nil, seed: UInt64 = 0
  ) throws {
    let vocabulary = try AutoTokenizer.load(folder: tokenizer).pieces
    let other = try reference.map { ($0.name, try AutoTokenizer.load(folder: $0.tokenizer).pieces) }
    try addEmbeddings(name, vocabulary: vocabulary, reference: other, tokenizer: tokenizer, seed: seed)
  }

  /// Loads a folder written by `save_embeddings`, and makes the embeddings active.
  ///
  /// - Parameters:
  ///   - folder: contains `embedding.pt`, and optionally `tokenizer/`.
  ///   - name: the name to use.
  /// - Returns: the folder of their tokenizer, if they were saved with one.
  /// - Throws: `WordTableError`, `CheckpointError`; the model is then unchanged.
  @discardableResult
  public mutating func loadEmbeddings(_ folder: String, as name: String) throws -> String? {
    if tables[name] != nil { throw name == EmbeddingTables.base ? WordTableError.isBase : .exists(name: name) }
    let table = try SavedEmbeddings.read(folder, width: configuration.embeddingSize)
    tables[name] = table
    try setActiveEmbeddings(name)
    return table.tokenizer
  }

  /// Activates loaded embeddings, which sets the vocabulary size.
  ///
  /// Heads that predict words keep their vocabulary.
  public mutating func setActiveEmbeddings(_ name: String) throws {
    guard let table = tables[name] else { throw unknown(embeddings: name) }
    guard name != tables.active else { return }
    try replaceWords(table.words)
    tables.active = name
  }

  /// Replaces the values of the active embeddings, for the same number of words.
  mutating func replaceActiveEmbeddings(_ values: Tensor) throws {
    let words = WeightMatrix(Tensor(values.array, rows: values.rows, columns: values.columns))
    tables[tables.active] = EmbeddingTables.Table(words: words, tokenizer: tables[tables.active]?.tokenizer)
    try replaceWords(words)
  }

  /// Saves embeddings, and the tokenizer that they were loaded with, like `save_embeddings`.
  ///
  /// - Parameters:
  ///   - name: the name of loaded embeddings.
  ///   - folder: the destination.
  ///   - tokenizer: the folder of the tokenizer to save with them; nil: the one that they were loaded with.
  public func saveEmbeddings(_ name: String, to folder: String, tokenizer: String? = nil) throws {
    guard let table = tables[name] else { throw unknown(embeddings: name) }
    try Folders.create(folder)
    try SavedEmbeddings.write(table.words.widened(compute), tokenizer: tokenizer ?? table.tokenizer, to: folder)
  }

  /// Removes embeddings; if they are active, those of the base become active.
  public mutating func deleteEmbeddings(_ name: String) throws {
    if name == EmbeddingTables.base { throw WordTableError.isBase }
    guard tables[name] != nil else { throw unknown(embeddings: name) }
    if tables.active == name { try setActiveEmbeddings(EmbeddingTables.base) }
    tables[name] = nil
  }

  /// Resizes the active word embeddings, initializing new rows with N(0, `initializer_range`); tied decoders of masked
  /// language models follow.
  ///
  /// - Parameters:
  ///   - count: the number of words.
  ///   - seed: makes the random values reproducible.
  /// - Throws: `WordTableError.noRows`, if no row would be left.
  public mutating func resizeTokenEmbeddings(_ count: Int, seed: UInt64 = 0) throws {
    guard count > 0 else { throw WordTableError.noRows }
    let old = bound.encoder.wordEmbeddings
    guard count != old.rows else { return }
    let width = old.columns
    var random = RandomNumbers(seed: seed)
    var values = Array(old.widened(compute).array.prefix(count * width))
    while values.count < count * width { values.append(configuration.initializerRange * random.normal()) }
    let words = WeightMatrix(Tensor(values, rows: count, columns: width))
    let tied = heads.filter { $0.value.tiedTensor(to: old, compute) != nil }.keys
    tables[tables.active] = EmbeddingTables.Table(words: words, tokenizer: tables[tables.active]?.tokenizer)
    try replaceWords(words)
    if headReader.tiesWords { for name in tied { if let head = heads[name]?.tied(to: words) { heads[name] = head } } }
  }

  /// Ties the decoders of masked language models to the active word embeddings, as `tie_word_embeddings` of the
  /// checkpoint requires.
  ///
  /// Their vocabulary follows.
  public mutating func tieWeights() {
    guard headReader.tiesWords else { return }
    for (name, head) in heads { if let tied = head.tied(to: bound.encoder.wordEmbeddings) { heads[name] = tied } }
  }

  private func unknown(embeddings name: String) -> WordTableError { .unknown(name: name, names: embeddingNames) }
}

extension Tokenizer {
  /// The token of each id.
  fileprivate var pieces: [String?] { (0..<vocabularySize).map { piece(of: Int32($0)) } }
}
