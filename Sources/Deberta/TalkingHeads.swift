internal import Checkpoints
internal import Kernels
internal import Tensors

/// Mixes the heads' scores before the softmax, and their probabilities after it.
///
///     S'_g = Σ_h L[g, h] S_h      P = dropout(softmax(S'))      C_g = (Σ_h W[g, h] P_h) V_g
///
/// Source: Shazeer et al., "Talking-Heads Attention" (2020); transformers, `modeling_deberta.py`,
/// `DisentangledSelfAttention`.
struct TalkingHeads: Sendable {
  /// L and W, [heads, heads]
  private let logits, weights: Tensor
  private let dropout: Float

  /// Nil for a model that does not mix heads.
  init?(_ reader: PlaceReader, layer: Int) throws(CheckpointError) {
    guard let logits = try reader.square(.headLogits(layer: layer)),
      let weights = try reader.square(.headWeights(layer: layer))
    else { return nil }
    (self.logits, self.weights, dropout) = (logits, weights, reader.shape.attentionDropout)
  }

  /// The attended values [queries, heads · D].
  func context(_ attended: AttendedBatch, on pass: Pass) -> Tensor {
    let heads = attended.headCount
    let context = pass.tensor(rows: attended.states.query.matrix.rows, columns: heads * attended.size)
    for group in attended.groups {
      for sequence in group.sequences {
        let queries = sequence.queries.count
        let scores = mixed(attended.scores(group, sequence, on: pass), by: logits, on: pass)
        let probabilities = pass.dropped(softmax(scores, of: sequence, on: pass), dropout)
        let applied = mixed(probabilities, by: weights, on: pass)
        if let recorded = sequence.probabilities {
          pass.compute.kernels.scale(applied.values, by: 1, into: recorded.values)
        }
        for head in 0..<heads {
          let own = applied.rows(head * queries..<(head + 1) * queries)
          pass.copy(
            pass.product(own, attended.values(of: sequence, head: head, on: pass)),
            into: context.rows(sequence.queries).columns(attended.columns(ofHead: head)))
        }
      }
    }
    return context
  }

  /// y_g = Σ_h factors[g, h] x_h. x, y [heads · queries, memory + N], factors [heads, heads]
  private func mixed(_ x: Tensor, by factors: Tensor, on pass: Pass) -> Tensor {
    let kernels = pass.compute.kernels
    let (heads, queries) = (factors.rows, x.rows / factors.rows)
    @Sendable func part(_ x: Tensor, _ head: Int) -> Tensor { x.rows(head * queries..<(head + 1) * queries) }
    let y = pass.tensor(rows: x.rows, columns: x.columns)
    pass.compute.threads.forEach(heads) { to in
      for from in 0..<heads {
        kernels.scale(
          part(x, from).values, by: factors[to, from], into: part(y, to).values, accumulate: from > 0)
      }
    }
    pass.tape?.record(y, from: [x, factors]) { dy, gradients in
      let (dx, dfactors) = (gradients[x], gradients[factors])
      for from in 0..<heads {
        for to in 0..<heads {
          let dy = part(dy, to)
          if let dx {
            kernels.scale(dy.values, by: factors[to, from], into: part(dx, from).values, accumulate: true)
          }
          if let dfactors { dfactors[to, from] += dot(dy, part(x, from)) }
        }
      }
    }
    return y
  }

  private func dot(_ x: Tensor, _ y: Tensor) -> Float {
    var sum = 0.0
    for row in 0..<x.rows {
      for column in 0..<x.columns { sum += Double(x[row, column]) * Double(y[row, column]) }
    }
    return Float(sum)
  }

  /// The softmax of each row over its visible tokens. scores [heads · queries, memory + N]
  private func softmax(_ scores: Tensor, of sequence: AttendedSequence, on pass: Pass) -> Tensor {
    let kernels = pass.compute.kernels
    let y = pass.tensor(rows: scores.rows, columns: scores.columns)
    kernels.scale(scores.values, by: 1, into: y.values)
    if let visible = sequence.input.visible {
      let (queries, tokens) = (sequence.queries.count, sequence.tokens.count)
      for row in 0..<y.rows {
        for token in 0..<tokens where visible[row % queries * tokens + token] == 0 {
          y[row, y.columns - tokens + token] = -.infinity
        }
      }
    }
    kernels.softmax(y.values)
    pass.tape?.record(y, from: [scores]) { dy, gradients in
      kernels.softmaxBackward(y.values, dy.values)
      if let dscores = gradients[scores] {
        kernels.scale(dy.values, by: 1, into: dscores.values, accumulate: true)
      }
    }
    return y
  }
}

extension AttendedBatch {
  /// The scores of one sequence, including masked tokens, [heads · queries, memory + N].
  fileprivate func scores(_ group: Group, _ sequence: AttendedSequence, on pass: Pass) -> Tensor {
    let queries = sequence.queries.count
    let scores = pass.tensor(rows: headCount * queries, columns: sequence.columns)
    let compute = pass.compute
    @Sendable func own(_ scores: Tensor, _ head: Int) -> Rows {
      scores.values.slice(head * queries..<(head + 1) * queries)
    }
    compute.threads.forEach(headCount) { head in
      withHead(head, of: sequence, context: states.query.rows(sequence.queries, ofHead: head)) {
        group.reading($0, head: head, columns: self.columns(ofHead: head))
          .scores(into: own(scores, head), compute.kernels, compute.buffers)
      }
    }
    let tables = group.tables
    let inputs =
      [states.query.matrix, states.key.matrix]
      + [tables.key?.projected, tables.query?.projected, sequence.memory?.key].compactMap { $0 }
    pass.tape?.record(scores, from: inputs) { dscores, gradients in
      let (dquery, dkey) = (gradients[states.query.matrix], gradients[states.key.matrix])
      let dtables = (gradients[tables.key?.projected], gradients[tables.query?.projected])
      let dmemory = gradients[sequence.memory?.key]
      compute.threads.forEach(headCount) { head in
        let rows = HeadTables(tables, dtables, head: head, size: size, compute)
        var into = AttentionHeadGradients()
        into.query = states.query.rows(sequence.queries, ofHead: head, in: dquery)
        into.key = states.key.rows(sequence.tokens, ofHead: head, in: dkey)
        into.memory.key = dmemory?.values.columns(self.columns(ofHead: head))
        into.tables = rows.gradients
        withHead(head, of: sequence, context: states.query.rows(sequence.queries, ofHead: head)) {
          $0.backward(
            scores: own(dscores, head), tables: rows.rows, into: into, compute.kernels, compute.buffers)
        }
        rows.finish(tables, dtables, compute.kernels)
      }
    }
    return scores
  }

  /// One head's values that a sequence attends to, memory first, [memory + N, D].
  fileprivate func values(of sequence: AttendedSequence, head: Int, on pass: Pass) -> Tensor {
    let own = states.value.matrix.rows(sequence.tokens).columns(states.value.columns(ofHead: head))
    guard let memory = sequence.memory?.value else { return own }
    let joined = pass.tensor(rows: memory.rows + own.rows, columns: size)
    pass.copy(memory.columns(columns(ofHead: head)), into: joined.rows(0..<memory.rows))
    pass.copy(own, into: joined.rows(memory.rows..<joined.rows))
    return joined
  }
}
