internal import Kernels
internal import Tensors

/// All sequences of a batch in one layer's attention, with its gradient.
struct AttendedBatch {
  /// Sequences that share their position tables.
  struct Group {
    let tables: (key: PositionTable?, query: PositionTable?)
    let sequences: [AttendedSequence]

    /// A head that reads the group's position tables.
    func reading(_ attention: AttentionHead, head: Int, columns: Range<Int>) -> AttentionHead {
      var attention = attention
      attention.queryPositions = tables.query?.queryPositions?.values.columns(columns)
      attention.contentToPosition = tables.key?.head(head)
      attention.positionToContent = tables.query?.head(head)
      return attention
    }
  }

  let states: AttentionStates
  let headCount: Int
  let scale: Float
  let distances: DistanceTable?
  let mask: DropoutMask?
  let groups: [Group]

  var size: Int { states.query.size }
  /// A head's columns in what is stored head by head: attended values and memory.
  func columns(ofHead head: Int) -> Range<Int> { head * size..<(head + 1) * size }

  private func rows(_ context: Tensor, of sequence: AttendedSequence, head: Int) -> Rows {
    context.values.slice(sequence.queries).columns(columns(ofHead: head))
  }

  /// The attended values [queries, heads · D].
  func context(on pass: Pass) -> Tensor {
    let context = pass.tensor(rows: states.query.matrix.rows, columns: headCount * size)
    let compute = pass.compute
    let all = groups.flatMap { group in group.sequences.map { (group, $0) } }
    compute.threads.forEach(all.count * headCount) { item in
      let (group, sequence) = all[item / headCount]
      let head = item % headCount
      withHead(head, of: sequence, context: rows(context, of: sequence, head: head)) { attention in
        group.reading(attention, head: head, columns: columns(ofHead: head))(compute.kernels, compute.buffers)
      }
    }
    record(context, on: pass)
    return context
  }

  /// One head of one sequence, without its position tables.
  func withHead(
    _ head: Int, of sequence: AttendedSequence, context: Rows, _ body: (AttentionHead) -> Void
  ) {
    let columns = columns(ofHead: head)
    var attention = AttentionHead(
      query: states.query.rows(sequence.queries, ofHead: head), key: states.key.rows(sequence.tokens, ofHead: head),
      value: states.value.rows(sequence.tokens, ofHead: head), context: context, scale: scale)
    attention.memory = sequence.memory.map { ($0.key.values.columns(columns), $0.value.values.columns(columns)) }
    attention.distances = distances?.rows
    attention.probabilities = sequence.probabilities(ofHead: head)
    attention.dropout = mask.map { ($0, sequence.firstWeight(ofHead: head, of: headCount)) }
    sequence.input.positions.withPointer { positions in
      sequence.input.visible.withPointer { visible in
        attention.positions = positions
        attention.visible = visible
        body(attention)
      }
    }
  }
}

// MARK: - Gradients

extension AttendedBatch {
  private func record(_ context: Tensor, on pass: Pass) {
    guard let tape = pass.tape else { return }
    let sequences = groups.flatMap(\.sequences)
    let inputs =
      states.matrices + groups.flatMap { [$0.tables.key?.projected, $0.tables.query?.projected] }.compactMap { $0 }
      + sequences.compactMap(\.memory).flatMap { [$0.key, $0.value] }
    tape.record(context, from: inputs) { dcontext, gradients in
      backward(dcontext, gradients, pass.compute)
    }
  }

  /// Processes heads in turn, each with all its sequences in order: sums do not depend on the number of threads.
  private func backward(_ dcontext: Tensor, _ gradients: GradientLookup, _ compute: Compute) {
    let targets = groups.map { group in
      (
        tables: (gradients[group.tables.key?.projected], gradients[group.tables.query?.projected]),
        memories: group.sequences.map { (gradients[$0.memory?.key], gradients[$0.memory?.value]) }
      )
    }
    let (dquery, dkey, dvalue) = (
      gradients[states.query.matrix], gradients[states.key.matrix], gradients[states.value.matrix]
    )
    compute.threads.forEach(headCount) { head in
      let columns = columns(ofHead: head)
      for (group, target) in zip(groups, targets) {
        let tables = HeadTables(group.tables, target.tables, head: head, size: size, compute)
        for (sequence, memory) in zip(group.sequences, target.memories) {
          guard let attention = sequence.probabilities(ofHead: head) else { continue }
          var into = AttentionHeadGradients()
          into.query = states.query.rows(sequence.queries, ofHead: head, in: dquery)
          into.key = states.key.rows(sequence.tokens, ofHead: head, in: dkey)
          into.value = states.value.rows(sequence.tokens, ofHead: head, in: dvalue)
          into.memory = (memory.0?.values.columns(columns), memory.1?.values.columns(columns))
          into.tables = tables.gradients
          into.queryPositions = tables.queryPositions
          withHead(head, of: sequence, context: rows(dcontext, of: sequence, head: head)) {
            group.reading($0, head: head, columns: columns).backward(
              $0.context, attention: attention, tables: tables.rows, into: into, compute.kernels, compute.buffers)
          }
        }
        tables.finish(group.tables, target.tables, compute.kernels)
      }
    }
  }
}

/// One head's position tables as rows, and their accumulated gradients.
struct HeadTables {
  private let head: Int
  private let storage: [Tensor]
  let rows, gradients: (key: Rows?, query: Rows?)
  /// The rows of position-derived queries in the gradient of the projected positions.
  let queryPositions: Rows?

  init(
    _ tables: (key: PositionTable?, query: PositionTable?), _ targets: (Tensor?, Tensor?), head: Int, size: Int,
    _ compute: Compute
  ) {
    self.head = head
    var storage: [Tensor] = []
    func rows(_ table: PositionTable?) -> Rows? {
      guard let table, !table.heads.isEmpty else { return nil }
      let rows = compute.tensor(rows: table.heads[head].outputs, columns: size)
      storage.append(rows)
      table.rows(ofHead: head, into: rows.values)
      return rows.values
    }
    func zeros(_ table: PositionTable?, _ target: Tensor?) -> Rows? {
      guard let table, target != nil, !table.heads.isEmpty else { return nil }
      let rows = compute.tensor(rows: table.heads[head].outputs, columns: size)
      storage.append(rows)
      for row in 0..<rows.rows { (rows.pointer + row * rows.stride).update(repeating: 0, count: size) }
      return rows.values
    }
    self.rows = (rows(tables.key), rows(tables.query))
    gradients = (zeros(tables.key, targets.0), zeros(tables.query, targets.1))
    self.storage = storage
    queryPositions = tables.query?.queryPositions.flatMap { own in
      targets.1?.rows(own.rows..<2 * own.rows).values.columns(head * size..<(head + 1) * size)
    }
  }

  /// Adds the sums to the gradients of the projected positions.
  func finish(
    _ tables: (key: PositionTable?, query: PositionTable?), _ targets: (Tensor?, Tensor?), _ kernels: VectorKernels
  ) {
    if let gradient = gradients.key, let target = targets.0 {
      tables.key?.add(gradient, ofHead: head, to: target, kernels)
    }
    if let gradient = gradients.query, let target = targets.1 {
      tables.query?.add(gradient, ofHead: head, to: target, kernels)
    }
    withExtendedLifetime(storage) {}
  }
}

/// One sequence in one layer's attention.
struct AttendedSequence {
  let input: Batch.Sequence
  let tokens: Range<Int>
  /// The query rows: all tokens, or only the first ones.
  let queries: Range<Int>
  let memory: (key: Tensor, value: Tensor)?
  /// [heads · queries, memory + N]; kept for attention maps and for the backward pass.
  let probabilities: Tensor?

  /// The number of keys each query sees: memory and tokens.
  var columns: Int { (memory?.key.rows ?? 0) + tokens.count }

  func probabilities(ofHead head: Int) -> Rows? {
    probabilities?.values.slice(head * queries.count..<(head + 1) * queries.count)
  }

  /// A counter for a head's first attention weight, unique among heads and sequences.
  func firstWeight(ofHead head: Int, of heads: Int) -> Int {
    let columns = tokens.count + (memory?.key.rows ?? 0)
    return tokens.lowerBound * heads * 4096 + head * tokens.count * columns
  }
}

extension Optional {
  fileprivate func withPointer<Element>(_ body: (UnsafePointer<Element>?) -> Void) where Wrapped == [Element] {
    guard let self else { return body(nil) }
    self.withUnsafeBufferPointer { body($0.baseAddress) }
  }
}
