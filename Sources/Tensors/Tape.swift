internal import Kernels

/// What a pass notes down so that gradients can be found: reverse-mode differentiation.
///
/// An op records a step only if one of its inputs is tracked, that is, was
/// computed from a watched parameter; frozen weights and everything below the
/// lowest watched parameter cost nothing. `backward` runs the steps in
/// reverse. Each step takes the gradient of the op's result and adds to those
/// of its inputs.
///
/// Gradients stand beside storages, not tensors: a view's gradient is the same
/// view of its storage's gradient. Where an op changes values in place, the
/// gradient before that point of the backward pass is of the new values, and
/// after it of the old ones.
///
/// Not `Sendable`: a tape serves one pass and the thread that runs it, and no
/// other tape may watch the same parameters meanwhile.
public final class Tape {
  let compute: Compute
  private var steps: [() -> Void] = []
  private var watched: [Tensor] = []

  public init(_ compute: Compute) { self.compute = compute }

  deinit {
    for parameter in watched where tracks(parameter) { parameter.storage.node = nil }
  }

  /// Asks for a parameter's gradient: what is computed from it is recorded.
  public func watch(_ parameter: Tensor) {
    if tracks(parameter) { return }
    parameter.storage.node = GradientNode(of: self)
    watched.append(parameter)
  }

  /// Whether a tensor was computed from a watched parameter, or is one.
  public func tracks(_ x: Tensor) -> Bool { x.storage.node?.owner == ObjectIdentifier(self) }

  func tracks(_ x: Tensor?) -> Bool { x.map { tracks($0) } ?? false }

  /// The place of a tensor's gradient; nil for a tensor that is not tracked.
  func gradient(_ x: Tensor?) -> Gradient? {
    guard let x, let node = x.storage.node, node.owner == ObjectIdentifier(self) else { return nil }
    return Gradient(node: node, storageCount: x.storage.count, shape: x, compute: compute)
  }

  /// Notes how the gradient of y, just computed, becomes gradients of what it was computed from.
  ///
  /// - Parameter backward: is given the gradient of y, which it may change; not called where that is zero throughout.
  func record(_ y: Tensor, _ backward: @escaping (Tensor) -> Void) {
    if !tracks(y) {
      let node = GradientNode(of: self)
      y.storage.node = node
      // In reverse this is the last that happens to y.
      steps.append { node.values = nil }
    }
    guard let gradient = gradient(y) else { return }
    steps.append { if !gradient.isZero { backward(gradient.values) } }
  }

  /// Notes the backward step of an op outside this module; nothing, if none of its inputs is tracked.
  ///
  /// The inputs' values must stay as they are until then.
  /// - Parameters:
  ///   - backward: is given the gradient of y, and what finds those of the inputs.
  ///   - y: what the op gave.
  ///   - inputs: the tensors that y was computed from.
  public func record(
    _ y: Tensor, from inputs: [Tensor], _ backward: @escaping (Tensor, GradientLookup) -> Void
  ) {
    guard inputs.contains(where: { tracks($0) }) else { return }
    let saved = inputs.map { self.saved($0) }
    let targets = inputs.map { gradient($0) }
    record(y) { dy in backward(dy, GradientLookup(inputs: saved.map(\.value), targets: targets)) }
  }

  /// A tensor whose values a step needs; they must not change until then.
  func saved(_ x: Tensor) -> SavedTensor { SavedTensor(tensor: x, version: x.storage.version) }

  /// Runs the recorded steps backwards from a loss [1, 1], whose gradient is `factor`; empties the tape.
  public func backward(from loss: Tensor, factor: Float = 1) {
    guard let gradient = gradient(loss) else { return }
    gradient.values.pointer.pointee = factor
    while let step = steps.popLast() { step() }
  }

  /// Within a step: records how y is computed, and runs that backwards from its gradient dy.
  func backward(from dy: Tensor, through y: () -> Tensor) {
    let height = steps.count
    guard let gradient = gradient(y()) else { return }
    gradient.add { compute.add(dy, to: $0, replacing: $1) }
    while steps.count > height, let step = steps.popLast() { step() }
  }

  /// What `backward` found for a watched parameter; nil where the loss does not depend on it.
  public func gradient(of parameter: Tensor) -> Tensor? {
    gradient(parameter).flatMap { $0.isZero ? nil : $0.values }
  }
}

/// The gradient of a storage on one tape.
final class GradientNode {
  let owner: ObjectIdentifier
  /// Laid out as the storage; nil as long as nothing was added.
  var values: Storage?

  init(of tape: Tape) { owner = ObjectIdentifier(tape) }
}

/// The place of a tensor's gradient.
struct Gradient {
  private let node: GradientNode
  private let storageCount: Int
  private let shape: (offset: Int, rows: Int, columns: Int, stride: Int)
  private let compute: Compute

  init(node: GradientNode, storageCount: Int, shape: Tensor, compute: Compute) {
    self.node = node
    self.storageCount = storageCount
    self.shape = (shape.offset, shape.rows, shape.columns, shape.stride)
    self.compute = compute
  }

  /// Whether nothing was added to any part of the storage's gradient.
  var isZero: Bool { node.values == nil }

  /// The values to add to.
  var values: Tensor {
    let storage = node.values ?? Storage(storageCount, from: compute.buffers)
    if node.values == nil { storage.base.update(repeating: 0, count: storageCount) }
    node.values = storage
    return tensor(storage)
  }

  /// Has `body` add to the values, or set them if they are to be replaced, because nothing was added yet.
  func add(_ body: (_ target: Tensor, _ replacing: Bool) -> Void) {
    let isWhole = shape.offset == 0 && shape.rows * shape.stride == storageCount
    guard node.values == nil, isWhole else { return body(values, false) }
    let storage = Storage(storageCount, from: compute.buffers)
    node.values = storage
    let target = tensor(storage)
    // What lies after the columns of a view is zero.
    for row in 0..<shape.rows {
      (target.pointer + row * shape.stride + shape.columns).update(repeating: 0, count: shape.stride - shape.columns)
    }
    body(target, true)
  }

  private func tensor(_ storage: Storage) -> Tensor {
    Tensor(storage, offset: shape.offset, rows: shape.rows, columns: shape.columns, stride: shape.stride)
  }
}

/// A tensor whose values a backward step needs.
struct SavedTensor {
  fileprivate let tensor: Tensor
  fileprivate let version: Int

  var value: Tensor {
    precondition(
      tensor.storage.version == version,
      "[\(tensor.rows), \(tensor.columns)] was changed in place after an op that needs it for its gradient")
    return tensor
  }
}

/// The gradients of an op's inputs, to add to.
public struct GradientLookup {
  fileprivate let inputs: [Tensor]
  fileprivate let targets: [Gradient?]

  /// An input's gradient; nil for one that is not tracked, and for no input.
  public subscript(_ input: Tensor?) -> Tensor? {
    guard let input else { return nil }
    let index = inputs.firstIndex {
      $0.storage === input.storage && $0.offset == input.offset && $0.rows == input.rows && $0.columns == input.columns
    }
    return index.flatMap { targets[$0]?.values }
  }
}
