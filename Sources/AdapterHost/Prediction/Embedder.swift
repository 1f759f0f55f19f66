public import AdapterMethods
internal import Deberta
public import Tasks
internal import Tensors
public import Tokenization

/// Computes one vector per text.
///
/// ```swift
/// let embedder = try Embedder(model, tokenizer, EmbeddingOptions(normalize: true))
/// let vectors = try embedder.embed(["A library for PDF files.", "Reads documents."])
/// print(vectors[0].cosineSimilarity(to: vectors[1]))
/// ```
public struct Embedder: Sendable {
  public let model: DebertaV2AdapterModel
  public let tokenizer: any Tokenizer
  /// The adapters for texts that name none; nil is the base model.
  public let setup: Composition?
  public let options: EmbeddingOptions
  /// The maximum number of tokens of a text, including special tokens; longer texts are truncated. 0 is the model's
  /// limit; nil is `InputLength.standard`.
  public var maximumLength: Int?
  /// What the model's folder says about it (`max_seq_length` of sentence-transformers).
  public var recordedLength: Int?
  /// The maximum number of tokens in a batch; a longer text is run alone.
  public var batchTokens = 2048
  /// Loads the parts of a text's composition that the model does not have.
  ///
  /// Without it such a text has no vector.
  public var load: (@Sendable (Composition, inout DebertaV2AdapterModel) throws -> Void)?
  /// The layer whose states are read; 0 is the output of the embeddings.
  private let layer: Int

  /// An embedder with the model's active adapters.
  ///
  /// - Throws: `EmbeddingError`, `CompositionError`, `ModelError`.
  public init(
    _ model: DebertaV2AdapterModel, _ tokenizer: any Tokenizer, _ options: EmbeddingOptions = EmbeddingOptions()
  ) throws {
    self.model = model
    self.tokenizer = tokenizer
    self.options = options
    setup = model.activeAdapters
    let layers = model.configuration.layerCount
    let given = options.layer ?? layers
    layer = given < 0 ? layers + 1 + given : given
    guard (0...layers).contains(layer) else { throw EmbeddingError.noLayer(given, layers: layers) }
    try requireOneVector(setup)
  }

  private func requireOneVector(_ setup: Composition?) throws {
    if let setup, try setup.branches().count != 1 { throw EmbeddingError.severalVectors(setup: setup.description) }
  }

  /// The vectors of the texts, in order.
  ///
  /// - Throws: `UnansweredText` for the first text without a vector.
  public func embed(_ texts: [String]) throws -> [[Float]] {
    var vectors: [[Float]] = []
    try embed(TextSource(texts)) { batch in
      for outcome in batch { vectors.append(try outcome.get().vector) }
    }
    return vectors
  }

  /// Embeds texts as they arrive, in order, and passes on every batch as soon as it is computed.
  ///
  /// - Throws: `InputFileError`, if the source fails; the errors of `body`.
  public func embed(
    _ source: TextSource, _ body: ([Result<Embedding, UnansweredText>]) throws -> Void
  ) throws {
    var source = source
    var model = model
    while let batch = try nextBatch(&source) {
      let routed = batch.map { item in
        item.flatMap { text in
          Result { () throws -> EncodedInput in
            if let own = text.input.setup {
              try requireOneVector(own)
              try load?(own, &model)
            }
            return text
          }.mapError { UnansweredText(text.input, $0) }
        }
      }
      try body(embeddings(routed[...], model))
    }
  }

  /// A text with its tokens.
  private struct EncodedInput {
    let input: TextInput
    let encoding: Encoding
  }

  private func nextBatch(_ source: inout TextSource) throws -> [Result<EncodedInput, UnansweredText>]? {
    let limit = InputLength.limit(
      requested: maximumLength, recorded: recordedLength, tokenizer: tokenizer.maximumLength,
      advised: model.configuration.advisedLength)
    var batch: [Result<EncodedInput, UnansweredText>] = []
    var tokens = 0
    while tokens < batchTokens, try batch.isEmpty || source.isReady(), let item = try source.next() {
      let text = item.flatMap { input in
        Result {
          EncodedInput(
            input: input, encoding: try tokenizer.encode(input.text, pair: input.pair, maximumLength: limit))
        }.mapError { UnansweredText(input, $0) }
      }
      tokens += (try? text.get())?.encoding.ids.count ?? 1
      batch.append(text)
    }
    return batch.isEmpty ? nil : batch
  }

  /// The vectors of a batch. On failure it is split in halves, until the failing texts are isolated.
  private func embeddings(
    _ batch: ArraySlice<Result<EncodedInput, UnansweredText>>, _ model: DebertaV2AdapterModel
  ) -> [Result<Embedding, UnansweredText>] {
    let texts = batch.compactMap { try? $0.get() }
    do {
      var vectors = try vectors(of: texts, model)[...]
      return batch.map { item in
        item.flatMap { text in
          guard let vector = vectors.popFirst() else {
            return .failure(UnansweredText(text.input, EmbeddingError.none))
          }
          guard vector.allSatisfy(\.isFinite) else {
            return .failure(UnansweredText(text.input, EmbeddingError.notFinite))
          }
          return .success(
            Embedding(
              input: text.input, vector: vector, tokenCount: text.encoding.ids.count,
              truncatedTokens: text.encoding.truncatedTokens))
        }
      }
    } catch {
      guard batch.count > 1 else { return batch.map { $0.flatMap { .failure(UnansweredText($0.input, error)) } } }
      let middle = batch.startIndex + batch.count / 2
      return embeddings(batch[..<middle], model) + embeddings(batch[middle...], model)
    }
  }

  private func vectors(of texts: [EncodedInput], _ model: DebertaV2AdapterModel) throws -> [[Float]] {
    guard !texts.isEmpty else { return [] }
    let isLast = layer == model.configuration.layerCount
    let trace = isLast ? nil : Trace(.hiddenStates)
    let output = try model(
      Batch(texts.map(\.encoding.ids), tokenTypes: texts.map(\.encoding.tokenTypeIDs)),
      setup: .rows(texts.map { $0.input.setup ?? setup }), heads: [], states: .all, trace: trace)
    return texts.indices.map { row in
      let states = trace.map { output.states($0.hiddenStates[layer], row: row) } ?? output.hiddenStates(row: row)
      let prompt = output.promptTokens(row: row)
      return options.vector(of: states, tokens: (0..<states.rows).filter { !prompt.contains($0) })
    }
  }
}

/// A text with its vector.
public struct Embedding: Sendable {
  public let input: TextInput
  public let vector: [Float]
  /// The number of tokens read, including special ones.
  public let tokenCount: Int
  /// The number of truncated tokens.
  public let truncatedTokens: Int

  /// The vector as one JSON line: `{"index": 0, "embedding": [...]}`; with `id` if the input has one, and `truncated`
  /// if tokens were truncated.
  public var json: String {
    var members: [(key: String, value: String)] = [("index", "\(input.index)")]
    if let id = input.id { members.append(("id", id.line)) }
    members.append(("embedding", JSONLine.array(vector.map { JSONLine.number($0) })))
    if truncatedTokens > 0 { members.append(("truncated", "\(truncatedTokens)")) }
    return JSONLine.object(members)
  }
}

/// Why texts cannot be embedded.
public enum EmbeddingError: Error, Hashable, Sendable, CustomStringConvertible {
  case noLayer(Int, layers: Int)
  case severalVectors(setup: String)
  case notFinite
  case none

  public var description: String {
    switch self {
    case .noLayer(let layer, let layers):
      "There is no layer \(layer): the model has \(layers), 0 is the output of the embeddings, and -1 the last layer."
    case .severalVectors(let setup):
      "'\(setup)' acts on several copies of a text, which makes several vectors. Name one of its branches with --setup, or the "
        + "base model alone with --model."
    case .notFinite:
      "The vector has numbers that are not finite (NaN or infinite). 'adapter-cli inspect' finds weights that are not "
        + "finite; if there are none, the text overflows the model."
    case .none: "The model gave no vector."
    }
  }
}
