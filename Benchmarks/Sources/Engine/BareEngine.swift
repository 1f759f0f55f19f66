internal import AdapterHost
internal import CThreadedBLAS
internal import Deberta

/// Measures the matrix products of a v3-base pass and nothing else, each as one `cblas_sgemm` of OpenBLAS.
///
/// For T tokens in all, and for each sequence of N tokens, in each of the 12 layers:
///
///     query, key, value, output   [T, 768] · [768, 768]ᵀ
///     up, down                    [T, 768] · [3072, 768]ᵀ, [T, 3072] · [768, 3072]ᵀ
///     for each of 12 heads        query · keyᵀ [N, N];  query · position keysᵀ [N, R];
///                                 key · position queriesᵀ [N, R];  scores · value [N, 64]
///
/// R is the number of rows of the position tables from distance -(N - 1) to
/// N - 1: the tables are projected once, as our model does, and only the rows
/// that a sequence reaches are used. Heads lie in place in [T, 768], with that
/// stride. Ours takes queries in blocks of 64, and rows in whole panels of its
/// packed tables; here every product is whole, which suits OpenBLAS better.
/// No bias, softmax, norm, activation, embedding or addition is done. Weights
/// have memory of their own for every layer, as they have in the model.
struct BareEngine: Measuring {
  private static let (layerCount, headCount, hidden, inner) = (12, 12, 768, 3072)
  private static let positions = RelativePositions(buckets: 256, maximum: 512)

  private struct Layer {
    let query, key, value, output, up, down, positionKeys, positionQueries: BareMatrix
  }

  let version: String
  private let layers: [Layer]

  init(threads: Int) {
    openblas_set_num_threads(Int32(threads))
    version = "OpenBLAS core \(String(cString: openblas_get_corename())), \(openblas_get_num_threads()) threads"
    var random = RandomNumbers(seed: 0)
    func matrix(_ rows: Int, _ columns: Int) -> BareMatrix { BareMatrix(rows, columns, deviation: 0.02, &random) }
    layers = (0..<Self.layerCount).map { _ in
      let hidden = Self.hidden
      return Layer(
        query: matrix(hidden, hidden), key: matrix(hidden, hidden), value: matrix(hidden, hidden),
        output: matrix(hidden, hidden), up: matrix(Self.inner, hidden), down: matrix(hidden, Self.inner),
        positionKeys: matrix(Self.positions.rows, hidden), positionQueries: matrix(Self.positions.rows, hidden))
    }
  }

  func reply(to request: Request) throws -> [String: JSONValue] {
    guard request.scenario == "forward" else { throw RequestError.scenario(request.scenario) }
    let shape = try BatchShape(request.shape)
    let buffers = Buffers(shape)
    let samples = Samples(seconds: request.seconds) { pass(shape, buffers) }
    return samples.members().merging([
      "scenario": .string(request.scenario), "shape": .string(request.shape),
      "gflop": .number((Double(multiplications(shape)) * 2e-7).rounded() / 100),
      "rss_mb": .number(ProcessMemory().resident),
    ]) { $1 }
  }

  /// Inputs and results of the products.
  private struct Buffers {
    let x, query, key, value, context, y, inner: BareMatrix
    /// For the longest sequence.
    let scores, keyTerms, queryTerms: BareMatrix

    init(_ shape: BatchShape) {
      var random = RandomNumbers(seed: 1)
      let tokens = shape.tokenCount
      let longest = shape.lengths.max() ?? 0
      func empty(_ rows: Int, _ columns: Int) -> BareMatrix { BareMatrix(rows, columns, deviation: 0, &random) }
      x = BareMatrix(tokens, hidden, deviation: 1, &random)
      (query, key, value) = (empty(tokens, hidden), empty(tokens, hidden), empty(tokens, hidden))
      (context, y, inner) = (empty(tokens, hidden), empty(tokens, hidden), empty(tokens, BareEngine.inner))
      scores = empty(longest, longest)
      keyTerms = empty(longest, positions.rows)
      queryTerms = empty(longest, positions.rows)
    }
  }

  private func pass(_ shape: BatchShape, _ buffers: Buffers) {
    for layer in layers {
      multiply(buffers.x.all, layer.query.all, into: buffers.query.all)
      multiply(buffers.x.all, layer.key.all, into: buffers.key.all)
      multiply(buffers.x.all, layer.value.all, into: buffers.value.all)
      var first = 0
      for length in shape.lengths {
        for head in 0..<Self.headCount { attend(first..<first + length, head, layer, buffers) }
        first += length
      }
      multiply(buffers.context.all, layer.output.all, into: buffers.y.all)
      multiply(buffers.y.all, layer.up.all, into: buffers.inner.all)
      multiply(buffers.inner.all, layer.down.all, into: buffers.y.all)
    }
  }

  private func attend(_ tokens: Range<Int>, _ head: Int, _ layer: Layer, _ buffers: Buffers) {
    let size = Self.hidden / Self.headCount
    let columns = head * size..<(head + 1) * size
    let rows = 0..<tokens.count
    let reached = Self.reached(tokens.count)
    let query = buffers.query.part(tokens, columns)
    let key = buffers.key.part(tokens, columns)
    let scores = buffers.scores.part(rows, rows)
    multiply(query, key, into: scores)
    multiply(
      query, layer.positionKeys.part(reached, columns), into: buffers.keyTerms.part(rows, 0..<reached.count))
    multiply(
      key, layer.positionQueries.part(reached, columns), into: buffers.queryTerms.part(rows, 0..<reached.count))
    multiply(
      scores, buffers.value.part(tokens, columns), into: buffers.context.part(tokens, columns), transposed: false)
  }

  /// y = a bᵀ, or a b.
  private func multiply(_ a: BarePart, _ b: BarePart, into y: BarePart, transposed: Bool = true) {
    cblas_sgemm(
      CblasRowMajor, CblasNoTrans, transposed ? CblasTrans : CblasNoTrans, Int32(y.rows), Int32(y.columns),
      Int32(a.columns), 1, a.base, Int32(a.stride), b.base, Int32(b.stride), 0, y.base, Int32(y.stride))
  }

  /// The rows of a position table that a sequence uses.
  private static func reached(_ length: Int) -> Range<Int> {
    positions.row(ofDistance: 1 - length)..<positions.row(ofDistance: length - 1) + 1
  }

  private func multiplications(_ shape: BatchShape) -> Int {
    let linears = shape.tokenCount * (4 * Self.hidden * Self.hidden + 2 * Self.hidden * Self.inner)
    let attention = shape.lengths.reduce(0) { $0 + 2 * $1 * ($1 + Self.reached($1).count) * Self.hidden }
    return Self.layerCount * (linears + attention)
  }
}
