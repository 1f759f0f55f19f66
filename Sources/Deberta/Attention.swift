internal import Checkpoints
internal import Kernels
internal import Tensors

/// Disentangled self-attention, without its output projection.
///
/// Scores are defined in `AttentionHead`.
struct SelfAttention: Sendable {
  var projections: AttentionProjections
  let headCount: Int
  let scale: Float
  let dropout: Float
  /// The layer's own position tables.
  var keyTable, queryTable: PositionTable?
  private let talkingHeads: TalkingHeads?
  private let terms: Set<DebertaConfiguration.PositionTerm>
  /// Projections of the relative positions, unless the layer shares its query and key projections.
  var positionKey, positionQuery: StoredLinear?

  init(_ reader: PlaceReader, layer: Int, positions: Tensor?) throws(CheckpointError) {
    let (shape, pass) = (reader.shape, reader.weights.pass)
    projections = try AttentionProjections(reader, layer: layer)
    talkingHeads = try TalkingHeads(reader, layer: layer)
    headCount = shape.headCount
    scale = shape.scoreScale
    dropout = shape.attentionDropout
    terms = shape.positionTerms
    guard let positions else { return }
    positionKey = try reader.storedLinear(.positionKey(layer: layer))
    positionQuery = try reader.storedLinear(.positionQuery(layer: layer))
    if shape.positionTerms.contains(.contentToPosition) {
      let projection = positionKey?.packed(on: pass) ?? projections[.key]
      keyTable = projection.map { table($0, positions, .key, on: pass) }
    }
    if !shape.positionTerms.isDisjoint(with: [.positionToContent, .positionToPosition]) {
      let projection = positionQuery?.packed(on: pass) ?? projections[.query]
      queryTable = projection.map { table($0, positions, .query(scale: scale), on: pass) }
    }
  }

  func table(
    _ projection: Linear, _ positions: Tensor, _ kind: PositionTableKind, on pass: Pass
  ) -> PositionTable {
    table(pass.linear(positions, projection), kind, on: pass)
  }

  /// The table of projected positions [2 · span, heads · D].
  func table(_ projected: Tensor, _ kind: PositionTableKind, on pass: Pass) -> PositionTable {
    var table = PositionTable(projected, kind, heads: headCount, pass.compute)
    if pass.tape?.tracks(projected) == true { table.projected = projected }
    if case .query = kind {
      if terms.contains(.positionToPosition) {
        table.queryPositions = projected.rows(projected.rows / 2..<projected.rows)
      }
      if !terms.contains(.positionToContent) { table.heads = [] }
    }
    return table
  }

  /// - Parameter queries: the states that attend to the keys of x.
  func callAsFunction(
    _ x: Tensor, queries: Queries, _ batch: Batch, _ distances: DistanceTable?, _ at: Sites
  ) -> Tensor {
    let attended = AttendedBatch(
      states: projections.states(x, queries: queries, heads: headCount, at), headCount: headCount, scale: scale,
      distances: distances, mask: at.pass.dropoutMask(dropout),
      groups: groups(batch, queries.batch, memories: at.memories(x), at))
    if at.pass.trace?.kinds.contains(.attentions) == true {
      at.pass.trace?.record(attentions: attended.groups.flatMap(\.sequences).compactMap(\.probabilities))
    }
    return talkingHeads?.context(attended, on: at.pass) ?? attended.context(on: at.pass)
  }

  /// The nonempty sequences, group by group, each with the memory and position tables of its row group.
  private func groups(
    _ batch: Batch, _ queries: Batch, memories: [[(key: Tensor, value: Tensor)]?], _ at: Sites
  ) -> [AttendedBatch.Group] {
    let isTraced = at.pass.trace?.kinds.contains(.attentions) == true
    return zip(at.groups, memories).map { group, memories in
      var sequences: [AttendedSequence] = []
      for (row, sequence) in group.segment.sequences.enumerated() where !batch.tokens(of: sequence).isEmpty {
        let (tokens, queries) = (batch.tokens(of: sequence), queries.tokens(of: sequence))
        let memory = memories?[row]
        let columns = tokens.count + (memory?.key.rows ?? 0)
        let rows = headCount * queries.count
        let probabilities: Tensor? =
          if isTraced {
            Tensor(Storage(rows * columns), rows: rows, columns: columns)
          } else if at.pass.tape != nil {
            at.pass.tensor(rows: rows, columns: columns)
          } else {
            nil
          }
        sequences.append(
          AttendedSequence(
            input: batch.sequences[sequence], tokens: tokens, queries: queries, memory: memory,
            probabilities: probabilities))
      }
      return AttendedBatch.Group(tables: group.bound.tables[at.layer], sequences: sequences)
    }
  }
}
