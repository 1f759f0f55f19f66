internal import Deberta
internal import Tensors

/// A PEFT adapter's changes to one module: its replaced tensors first, then its method.
struct PeftChange: Sendable {
  let module: PeftModule
  /// Nil if only tensors are replaced.
  let method: (any PeftMethod)?
  let tensors: PeftTensors
  /// Replacements for the module's tensors; the bias is [1, outputs].
  let weight, bias: Tensor?

  /// The hook on the results of a linear layer.
  func hook(for layer: Linear, on pass: Pass) -> any ProjectionHook {
    var (own, steps) = (layer, [any ProjectionHook]())
    if let weight {
      own = pass.layer(weight: weight, bias: bias ?? layer.bias)
      steps.append(ReplacedProjection(layer: own))
    } else if let bias, let old = layer.bias {
      own = layer.with(bias: bias)
      steps.append(AddedBias(from: old, to: bias, on: pass))
    }
    if let method { steps.append(method.hook(module, tensors, for: own, on: pass)) }
    return steps.count == 1 ? steps[0] : StackedProjection(children: steps)
  }

  /// The hook on the rows of a table.
  func hook(for table: WeightMatrix, _ rows: TokenRows?, on pass: Pass) -> (any TableHook)? {
    let own = weight.map { WeightMatrix($0) }
    let steps: [(any TableHook)?] = [
      own.map { ReplacedTable(table: $0) }, rows, method?.hook(module, tensors, for: own ?? table, on: pass),
    ]
    let acting = steps.compactMap { $0 }
    return acting.count < 2 ? acting.first : StackedTable(children: acting)
  }

  /// The replacement for a norm.
  func norm(for norm: LayerNorm) -> LayerNorm {
    let own = LayerNorm(gain: weight.map(\.asRow) ?? norm.gain, bias: bias ?? norm.bias, eps: norm.eps)
    return method?.norm(module, tensors, for: own) ?? own
  }
}

/// The same for a module of any head.
struct PeftHeadHook: HeadHook {
  let change: PeftChange

  func hook(for layer: HeadLayer, on pass: Pass) throws -> (any ProjectionHook)? {
    if case .linear(let inputs, let outputs) = change.module.kind, let linear = layer.linear {
      try check(expected: [outputs == 0 ? linear.outputs : outputs, inputs], found: [linear.outputs, linear.inputs])
      return change.hook(for: linear, on: pass)
    }
    guard let bias = change.bias, let own = layer.bias else { return nil }
    try check(expected: [bias.columns], found: [own.columns])
    return AddedBias(from: own, to: bias, on: pass)
  }

  private func check(expected: [Int], found: [Int]) throws(PeftError) {
    if expected != found { throw .headLayer(module: change.module.path, expected: expected, found: found) }
  }
}

/// Replaced rows of the word embeddings, for a decoder tied to them.
struct TiedTokenRows: HeadHook {
  let tokens: TokenRows
  /// The base model's word embeddings.
  let words: WeightMatrix

  func hook(for layer: HeadLayer, on pass: Pass) throws -> (any ProjectionHook)? {
    guard let own = layer.words, own.isSame(as: words) else { return nil }
    let change = pass.copy(tokens.rows)
    pass.add(pass.gather(words, rows: tokens.indices), times: -1, to: change)
    return ReplacedScores(tokens: tokens.indices, change: pass.layer(weight: change))
  }
}

/// y + x Δᵀ in the columns of the replaced tokens.
private struct ReplacedScores: ProjectionHook {
  let tokens: [Int]
  /// Δ [tokens, E]
  let change: Linear

  func adapt(_ y: Tensor, input x: Tensor, at site: Site, on pass: Pass) {
    let scores = pass.linear(x, change)
    for (index, token) in tokens.enumerated() {
      pass.add(scores.columns(index..<index + 1), to: y.columns(token..<token + 1))
    }
  }
}

/// y + b' - b
struct AddedBias: ProjectionHook {
  /// [1, outputs]
  let shift: Tensor

  var isTokenwise: Bool { true }

  init(_ shift: Tensor) { self.shift = shift }

  /// The difference between two biases. [1, outputs] each.
  init(from old: Tensor, to new: Tensor, on pass: Pass) {
    shift = pass.copy(new)
    pass.add(old, times: -1, to: shift)
  }

  func adapt(_ y: Tensor, input x: Tensor, at site: Site, on pass: Pass) {
    pass.addProduct(Tensor(Array(repeating: 1, count: y.rows), rows: y.rows, columns: 1), shift, to: y)
  }
}

/// Replaces the base layer.
struct ReplacedProjection: ProjectionHook {
  let layer: Linear

  var isTokenwise: Bool { true }

  func adapt(_ y: Tensor, input x: Tensor, at site: Site, on pass: Pass) {
    pass.copy(pass.linear(x, layer), into: y)
  }
}

/// y + x Δᵀ
struct AddedMatrix: ProjectionHook {
  /// Δ [outputs, inputs]
  let delta: Linear
  var dropout: Float = 0

  var isTokenwise: Bool { true }

  init(_ delta: Tensor, dropout: Float = 0, on pass: Pass) {
    self.delta = pass.layer(weight: delta)
    self.dropout = dropout
  }

  func adapt(_ y: Tensor, input x: Tensor, at site: Site, on pass: Pass) {
    pass.addLinear(pass.dropped(x, dropout), delta, to: y)
  }
}

/// A hook that changes a linear layer's input, and then its result: y + (f(x) - x) Wᵀ, followed by `outputs`.
protocol InputHook: ProjectionHook {
  /// The layer without its bias.
  var base: Linear { get }
  /// Whether the method changes the layer's weight, so that a later one is applied to the input first.
  var changesWeights: Bool { get }
  var outputs: (any ProjectionHook)? { get }
  /// f(x), as a new tensor.
  func changed(_ x: Tensor, on pass: Pass) -> Tensor
}

extension InputHook {
  var isTokenwise: Bool { true }
  var changesWeights: Bool { false }
  var outputs: (any ProjectionHook)? { nil }

  func adapt(_ y: Tensor, input x: Tensor, at site: Site, on pass: Pass) {
    let change = changed(x, on: pass)
    pass.add(x, times: -1, to: change)
    pass.addLinear(change, base, to: y)
    outputs?.adapt(y, input: x, at: site, on: pass)
  }
}

/// Changes of a layer's input in order, followed by those of its results.
struct ChainedInput: InputHook {
  private let steps: [any InputHook]
  let base: Linear
  let outputs: (any ProjectionHook)?

  /// - Parameter children: in the order of a Sum, at least one.
  init(_ children: [any InputHook]) {
    base = children[0].base
    var steps: [any InputHook] = []
    for child in children { steps.insert(child, at: child.changesWeights ? 0 : steps.count) }
    self.steps = steps
    let outputs = children.compactMap(\.outputs)
    self.outputs = outputs.isEmpty ? nil : StackedProjection(children: outputs)
  }

  func changed(_ x: Tensor, on pass: Pass) -> Tensor { steps.reduce(x) { $1.changed($0, on: pass) } }
}

extension [any ProjectionHook] {
  /// The hooks in order, each applied to the previous one's result; at least one.
  func inOrder(on pass: Pass) -> any ProjectionHook {
    if count == 1 { return self[0] }
    let inputs = compactMap { $0 as? any InputHook }
    if inputs.count == count { return ChainedInput(inputs) }
    let lowRank = compactMap(\.lowRank)
    if lowRank.count == count {
      return SummedLowRank(lowRank, weights: [Float](repeating: 1, count: count), on: pass)
    }
    return StackedProjection(children: self)
  }
}

/// Replaces rows with those of another table.
struct ReplacedTable: TableHook {
  let table: WeightMatrix

  func adapt(_ y: Tensor, rows indices: [Int], on pass: Pass) {
    pass.copy(pass.gather(table, rows: indices), into: y)
  }
}

/// Hooks on a table, in order.
struct StackedTable: TableHook {
  let children: [any TableHook]

  func adapt(_ y: Tensor, rows indices: [Int], on pass: Pass) {
    for child in children { child.adapt(y, rows: indices, on: pass) }
  }
}

/// The weighted sum of the hooks' results for a table's rows; `rest` is the weight of the unchanged rows.
struct WeightedTable: TableHook {
  let children: [any TableHook]
  let weights: [Float]
  let rest: Float

  func adapt(_ y: Tensor, rows indices: [Int], on pass: Pass) {
    let total = pass.scaled(y, by: rest)
    for (child, weight) in zip(children, weights) {
      let own = pass.copy(y)
      child.adapt(own, rows: indices, on: pass)
      pass.add(own, times: weight, to: total)
    }
    pass.copy(total, into: y)
  }
}

extension Tensor {
  /// The values as one row.
  var asRow: Tensor { reshaped(rows: 1, columns: rows * columns) }
}
