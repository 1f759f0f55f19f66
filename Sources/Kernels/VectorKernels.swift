internal import CKernels
internal import Glibc

/// The vector kernels for one instruction set, chosen once.
///
/// Every row of a result depends on its own row of the input alone, with one
/// fixed order of additions: results do not change with the number of rows
/// in a call, nor with how rows or panels are split over threads.
public struct VectorKernels: Sendable {
  /// An instruction set that the kernels are compiled for.
  public enum InstructionSet: String, Sendable, CaseIterable {
    case avx512, avx2, portable
  }

  public let instructionSet: InstructionSet
  /// The columns of one panel of a `PackedWeight`.
  public let panelWidth: Int
  let table: CTable

  /// The kernels for an instruction set, or nil if this processor does not have it.
  public init?(_ instructionSet: InstructionSet) {
    let pointer =
      switch instructionSet {
      case .avx512: ck_avx512()
      case .avx2: ck_avx2()
      case .portable: ck_portable()
      }
    guard let pointer else { return nil }
    self.instructionSet = instructionSet
    self.panelWidth = Int(pointer.pointee.panel)
    self.table = CTable(pointer: pointer)
  }

  /// The widest instruction set of this processor, or the one that the environment variable
  /// `ADAPTER_HOST_KERNELS` names, where it can run.
  public static let best: VectorKernels = {
    if let name = getenv("ADAPTER_HOST_KERNELS"), let set = InstructionSet(rawValue: String(cString: name)),
      let kernels = VectorKernels(set)
    {
      return kernels
    }
    for set in InstructionSet.allCases {
      if let kernels = VectorKernels(set) { return kernels }
    }
    preconditionFailure("the portable kernels exist for every processor")
  }()
}

/// The address of a table of functions.
///
/// `@unchecked`: the table is a constant of the program, never written.
struct CTable: @unchecked Sendable {
  let pointer: UnsafePointer<ck_kernels>
}

/// What is done with a product before it is stored.
public enum Epilogue: Sendable {
  /// y = x w + bias
  case store
  /// y += x w
  case accumulate
  /// y = gelu(x w + bias), with the exact erf
  case gelu

  var code: ck_epilogue {
    switch self {
    case .store: CK_STORE
    case .accumulate: CK_ACCUMULATE
    case .gelu: CK_GELU
    }
  }
}

extension VectorKernels {
  /// y [M, N] from x [M, K] and panels of w [N, K].
  ///
  /// `bias` is [1, N]. `scratch` has room for one panel in float32, `w.inputs * panelWidth` values: with it, halves that
  /// meet many rows are widened once for all of them; the result is the same without.
  public func product(
    _ x: Rows, _ w: Panels, bias: Rows? = nil, into y: Rows, epilogue: Epilogue = .store,
    scratch: UnsafeMutablePointer<Float>? = nil
  ) {
    precondition(
      x.columns == w.inputs && y.columns == w.outputs && x.rows == y.rows,
      "[\(x.rows), \(x.columns)] by [\(w.outputs), \(w.inputs)] does not give [\(y.rows), \(y.columns)]")
    guard case .exact(let type) = w.type, w.width == panelWidth else {
      preconditionFailure("\(w.type) panels of \(w.width) for exact rows and kernels of \(panelWidth)")
    }
    precondition(bias.map { $0.rows == 1 && $0.columns == w.outputs } ?? true, "a bias of another width")
    weights(of: type).product(
      Int64(x.rows), Int64(w.outputs), Int64(w.inputs), x.base, Int64(x.stride), w.base, y.base, Int64(y.stride),
      bias?.base, epilogue.code, scratch)
  }

  /// The kernels for weights of one type.
  private func weights(of type: WeightType) -> ck_weight_kernels {
    let table = table.pointer.pointee.weights
    return switch type {
    case .float32: table.0
    case .float16: table.1
    case .bfloat16: table.2
    }
  }

  /// Packs w [outputs, inputs], a row for each output, into panels of its type.
  public func packOutputs(_ w: WeightRows, into panels: Panels) {
    precondition(
      w.rows == panels.outputs && w.columns == panels.inputs && panels.type == .exact(w.type),
      "\(w.type) [\(w.rows), \(w.columns)] packed as \(panels.type) [\(panels.outputs), \(panels.inputs)]")
    weights(of: w.type).pack_outputs(Int64(w.rows), Int64(w.columns), w.base, Int64(w.stride), panels.base)
  }

  /// Packs float32 rows w [outputs, inputs].
  public func packOutputs(_ w: Rows, into panels: Panels) { packOutputs(WeightRows(w), into: panels) }

  /// Packs w [inputs, outputs], a row for each input, into panels of its type.
  public func packInputs(_ w: WeightRows, into panels: Panels) {
    precondition(
      w.rows == panels.inputs && w.columns == panels.outputs && panels.type == .exact(w.type),
      "\(w.type) [\(w.rows), \(w.columns)] packed as inputs of \(panels.type) [\(panels.outputs), \(panels.inputs)]")
    weights(of: w.type).pack_inputs(Int64(w.columns), Int64(w.rows), w.base, Int64(w.stride), panels.base)
  }

  /// Packs float32 rows w [inputs, outputs].
  public func packInputs(_ w: Rows, into panels: Panels) { packInputs(WeightRows(w), into: panels) }

  /// The rows w [outputs, inputs] that `packOutputs` packed, in the type of the panels.
  public func unpack(_ panels: Panels, into w: WeightRows) {
    precondition(
      w.rows == panels.outputs && w.columns == panels.inputs && panels.type == .exact(w.type),
      "\(panels.type) [\(panels.outputs), \(panels.inputs)] unpacked as \(w.type) [\(w.rows), \(w.columns)]")
    weights(of: w.type).unpack(Int64(w.rows), Int64(w.columns), panels.base, w.base, Int64(w.stride))
  }

  /// y = w as float32, exactly.
  public func widen(_ w: WeightRows, into y: Rows) {
    precondition(w.rows == y.rows && w.columns == y.columns, "[\(w.rows), \(w.columns)] into [\(y.rows), \(y.columns)]")
    let kernels = weights(of: w.type)
    for row in 0..<w.rows { kernels.widen(Int64(w.columns), w.row(row), y.base + row * y.stride) }
  }

  /// y = (x + r - mean) rstd gain + bias for each row; y may be x or r.
  public func layerNorm(
    _ x: Rows, plus r: Rows? = nil, gain: UnsafePointer<Float>, bias: UnsafePointer<Float>, eps: Float, into y: Rows
  ) {
    precondition(x.rows == y.rows && x.columns == y.columns, "[\(x.rows), \(x.columns)] into [\(y.rows), \(y.columns)]")
    precondition(r.map { $0.rows == x.rows && $0.columns == x.columns } ?? true, "residual of another shape")
    table.pointer.pointee.layer_norm(
      Int64(x.rows), Int64(x.columns), x.base, Int64(x.stride), r?.base, Int64(r?.stride ?? 0), gain, bias, eps,
      y.base, Int64(y.stride))
  }

  /// x = gelu(x), with the exact erf.
  public func gelu(_ x: Rows) { gelu(x, into: x) }

  /// y = gelu(x), with the exact erf; y may be x.
  public func gelu(_ x: Rows, into y: Rows) {
    precondition(x.rows == y.rows && x.columns == y.columns, "[\(x.rows), \(x.columns)] into [\(y.rows), \(y.columns)]")
    if x.stride == x.columns, y.stride == y.columns {
      table.pointer.pointee.gelu(Int64(x.rows * x.columns), x.base, y.base)
    } else {
      for row in 0..<x.rows {
        table.pointer.pointee.gelu(Int64(x.columns), x.base + row * x.stride, y.base + row * y.stride)
      }
    }
  }

  /// y = erf(x), element by element.
  public func erf(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int) {
    table.pointer.pointee.erf(Int64(count), x, y)
  }

  /// y = exp(x), element by element.
  public func exp(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int) {
    table.pointer.pointee.exp(Int64(count), x, y)
  }

  /// Softmax of each row of x in place; -infinity becomes 0, and so does a row of nothing else.
  public func softmax(_ x: Rows) {
    table.pointer.pointee.softmax(Int64(x.rows), Int64(x.columns), x.base, Int64(x.stride))
  }

  /// y = factor x, or y += factor x.
  public func scale(_ x: Rows, by factor: Float, into y: Rows, accumulate: Bool = false) {
    precondition(x.rows == y.rows && x.columns == y.columns, "[\(x.rows), \(x.columns)] into [\(y.rows), \(y.columns)]")
    table.pointer.pointee.scale(
      Int64(x.rows), Int64(x.columns), factor, x.base, Int64(x.stride), y.base, Int64(y.stride), accumulate ? 1 : 0)
  }

  /// Adds the terms of positions to the scores of queries from `firstQuery`.
  ///
  /// contentToPosition has a row for each query of the block, positionToContent one for each key.
  func addPositions(
    to scores: Rows, firstQuery: Int, contentToPosition c2p: Rows?, positionToContent p2c: Rows?,
    _ distances: DistanceRows
  ) {
    table.pointer.pointee.add_positions(
      Int64(scores.rows), Int64(scores.columns), Int64(firstQuery), scores.base, Int64(scores.stride), c2p?.base,
      Int64(c2p?.stride ?? 0), distances.keyRows, p2c?.base, Int64(p2c?.stride ?? 0), distances.queryRows,
      Int64(distances.plainDistance), Int64(distances.farDistance))
  }
}

/// Tells the processor that a loop waits for another thread.
@inline(__always)
public func spinHint() { ck_pause() }
