public import Kernels

/// One forward pass: what it computes with, and what it records.
///
/// Not `Sendable`: a pass belongs to the thread that runs it. Models,
/// adapters and plans are values that any number of passes share.
public final class Pass {
  public let compute: Compute
  public let trace: Trace?
  /// Where ops record what their gradients need; nil for inference.
  public let tape: Tape?
  /// Whether what stands between the layers is kept for the backward pass alone, and the rest computed again there.
  public let recomputes: Bool
  private let dropoutSeed: DropoutSeed?
  private var dropouts: UInt64 = 0

  /// - Parameters:
  ///   - compute: kernels, threads and memory.
  ///   - trace: collects intermediate results.
  ///   - tape: collects what a backward pass needs.
  ///   - dropout: makes this a pass of training, with dropout; nil is evaluation.
  ///   - recomputes: gradient checkpointing: memory for one layer instead of all, for a second forward pass.
  public init(
    _ compute: Compute, trace: Trace? = nil, tape: Tape? = nil, dropout: DropoutSeed? = nil, recomputes: Bool = false
  ) {
    self.compute = compute
    self.trace = trace
    self.tape = tape
    self.recomputes = recomputes
    dropoutSeed = dropout
  }

  /// The same pass, with gradient checkpointing.
  public var recomputing: Pass {
    Pass(compute, trace: trace, tape: tape, dropout: dropoutSeed, recomputes: true)
  }

  /// body(x); where the pass recomputes, what happens in it is not recorded now but in the backward pass.
  ///
  /// Source: Chen et al., "Training Deep Nets with Sublinear Memory Cost" (2016).
  public func recomputed(_ x: Tensor, _ body: @escaping (Tensor, Pass) -> Tensor) -> Tensor {
    guard recomputes, let tape else { return body(x, self) }
    // The second pass drops the very elements that the first one did.
    let (compute, seed, first) = (compute, dropoutSeed, dropouts)
    func part(_ tape: Tape?) -> Pass {
      let part = Pass(compute, tape: tape, dropout: seed)
      part.dropouts = first
      return part
    }
    let plain = part(nil)
    let y = body(x, plain)
    dropouts = plain.dropouts
    let input = tape.saved(x)
    tape.record(y) { [unowned tape] dy in
      tape.backward(from: dy) { body(input.value, part(tape)) }
    }
    return y
  }

  var kernels: VectorKernels { compute.kernels }

  /// A tensor that is not cleared.
  public func tensor(rows: Int, columns: Int) -> Tensor { compute.tensor(rows: rows, columns: columns) }

  /// The tape, if it tracks one of these.
  func tape(following inputs: Tensor?...) -> Tape? {
    guard let tape, inputs.contains(where: tape.tracks) else { return nil }
    return tape
  }

  /// Says that x is changed in place.
  func changed(_ x: Tensor) { if tape != nil { x.storage.version += 1 } }

  /// Whether elements are dropped.
  var isTraining: Bool { dropoutSeed != nil }

  /// A fresh mask for dropout; nil in evaluation, and for a probability of 0.
  public func dropoutMask(_ probability: Float) -> DropoutMask? {
    guard let dropoutSeed, probability > 0 else { return nil }
    defer { dropouts += 1 }
    return DropoutMask(key: dropoutSeed.key(dropouts), probability: probability)
  }
}

/// What decides the elements that dropout sets to 0: the same seed and step give the same ones.
public struct DropoutSeed: Sendable, Hashable {
  private let seed: UInt64
  private let step: Int

  public init(seed: UInt64, step: Int) {
    self.seed = seed
    self.step = step
  }

  fileprivate func key(_ number: UInt64) -> UInt32 {
    var random = RandomNumbers(seed: seed)
    var mixed = RandomNumbers(seed: random.next() ^ UInt64(step))
    var last = RandomNumbers(seed: mixed.next() ^ number)
    return UInt32(truncatingIfNeeded: last.next())
  }
}
