public import Checkpoints
internal import Files
internal import Kernels

/// The tensors of a file, each of them accounted for.
///
/// Reading marks a tensor as used; `finish` refuses what is left, so that
/// nothing of a file is dropped in silence, and a missing or mis-shaped
/// tensor is an error that names it, so that nothing stays random.
public final class WeightLedger {
  /// Where the tensors come from, for messages.
  public var source: String { file }
  private let file: String
  private var weights: [String: Weight] = [:]
  private var used: Set<String> = []

  private enum Weight {
    case stored(StoredTensor)
    case parameter(name: String, shape: [Int], values: Tensor)

    var name: String {
      switch self {
      case .stored(let tensor): tensor.name
      case .parameter(let name, _, _): name
      }
    }

    var shape: [Int] {
      switch self {
      case .stored(let tensor): tensor.shape
      case .parameter(_, let shape, _): shape
      }
    }
  }

  /// - Parameters:
  ///   - file: whose tensors are accounted for.
  ///   - rename: the name that a tensor goes by here; nil leaves the tensor out of account.
  public init(_ file: TensorFile, rename: (String) -> String? = { $0 }) {
    self.file = file.path
    for tensor in file.tensors {
      guard let name = rename(tensor.name) else { continue }
      // Of two tensors that go by one name neither is chosen in silence: the second stays unused.
      weights[weights[name] == nil ? name : "\(tensor.name) repeats \(name)"] = .stored(tensor)
    }
  }

  /// - Parameters:
  ///   - parameters: tensors in memory, by name; they are read as they are, not copied.
  ///   - source: what they are of, for messages.
  public init(_ parameters: [(name: String, shape: [Int], values: Tensor)], of source: String) {
    file = source
    for (name, shape, values) in parameters {
      weights[name] = .parameter(name: name, shape: shape, values: values)
    }
  }

  /// The names of all tensors.
  public var names: [String] { weights.keys.sorted() }

  /// The names that nobody read.
  public var unused: [String] { weights.keys.filter { !used.contains($0) }.sorted() }

  /// The values of a tensor of any shape as a matrix, whose last dimension are the columns; it is marked as used.
  ///
  /// - Throws: `missingTensor` with the nearest names, `wrongShape`, or what reading the file throws.
  public func tensor(_ name: String, shape: [Int]) throws(CheckpointError) -> Tensor {
    switch try read(name, shape: shape) {
    case .stored(let tensor): try Tensor(tensor)
    case .parameter(_, _, let values): values
    }
  }

  /// A tensor as `tensor(_:shape:)` gives it, but in the type that its file has.
  public func weight(_ name: String, shape: [Int]) throws(CheckpointError) -> WeightMatrix {
    switch try read(name, shape: shape) {
    case .stored(let tensor): try WeightMatrix(tensor)
    case .parameter(_, _, let values): WeightMatrix(values)
    }
  }

  /// The int8 values of a weight [outputs, inputs] and the scales [outputs] beside it, as `adapter-cli quantize` writes
  /// them.
  ///
  /// - Throws: `missingTensor`, `wrongShape`, `wrongElementType`, `badScale`.
  func quantizedWeight(_ name: String, shape: [Int]) throws(CheckpointError) -> QuantizedWeight {
    let scaleName = name + QuantizedWeight.scaleSuffix
    let scales = try read(scaleName, shape: [shape[0]])
    return try QuantizedWeight(
      stored(read(name, shape: shape), of: .int8), scales: stored(scales, of: .float32))
  }

  private func stored(_ weight: Weight, of type: ElementType) throws(CheckpointError) -> StoredTensor {
    switch weight {
    case .stored(let tensor) where tensor.elementType == type: return tensor
    case .stored(let tensor):
      throw .wrongElementType(name: tensor.name, expected: type, found: tensor.elementType, file: file)
    case .parameter(let name, _, _):
      throw .wrongElementType(name: name, expected: type, found: .float32, file: file)
    }
  }

  /// The same name below another prefix, or else similar names.
  private func nearest(_ name: String) -> [String] {
    let unused = unused
    let prefixed = unused.first { $0.hasSuffix("." + name) }
    return prefixed.map { [$0] } ?? NearestNames.of(name, in: unused, limit: 3)
  }

  private func read(_ name: String, shape: [Int]) throws(CheckpointError) -> Weight {
    guard let weight = weights[name] else {
      throw .missingTensor(name: name, file: file, nearest: nearest(name))
    }
    guard weight.shape == shape else {
      throw .wrongShape(name: weight.name, expected: shape, found: weight.shape, file: file)
    }
    used.insert(name)
    return weight
  }

  /// Takes tensors that this file is missing from another one, by their names; they need not be read.
  public func borrow(_ names: [String], from other: WeightLedger) {
    for name in names where weights[name] == nil {
      guard let weight = other.weights[name] else { continue }
      weights[name] = weight
      used.insert(name)
    }
  }

  /// Marks a tensor as known without reading it.
  public func leave(_ name: String) { used.insert(name) }

  /// Whether the file has a tensor of the name.
  public func contains(_ name: String) -> Bool { weights[name] != nil }

  /// The shape of a tensor, if there is one of the name.
  public func shape(of name: String) -> [Int]? { weights[name]?.shape }

  /// - Throws: `unusedTensors`, if any tensor was neither read nor known.
  public func finish(knowing isKnown: (String) -> Bool = { _ in false }) throws(CheckpointError) {
    let rest = unused.filter { !isKnown($0) }
    guard rest.isEmpty else { throw .unusedTensors(names: rest.map { weights[$0]?.name ?? $0 }, file: file) }
  }
}

/// A view of a ledger below a dotted scope, so that a layer asks for its own names only.
public struct WeightReader {
  public let ledger: WeightLedger
  /// What weights are packed on; its tape sees the layers that are made of parameters.
  public let pass: Pass
  private let scope: String

  public var compute: Compute { pass.compute }

  public init(_ ledger: WeightLedger, _ compute: Compute, scope: String = "") {
    self.init(ledger, on: Pass(compute), scope: scope)
  }

  public init(_ ledger: WeightLedger, on pass: Pass, scope: String = "") {
    self.ledger = ledger
    self.pass = pass
    self.scope = scope
  }

  /// The reader of a part.
  public subscript(_ part: String) -> WeightReader {
    WeightReader(ledger, on: pass, scope: name(part))
  }

  private func name(_ member: String) -> String { scope.isEmpty ? member : scope + "." + member }

  /// Whether there is such a tensor in this scope.
  public func contains(_ member: String) -> Bool { ledger.contains(name(member)) }

  /// A tensor of any shape as a matrix: its last dimension are the columns.
  public func tensor(_ member: String, _ shape: [Int]) throws(CheckpointError) -> Tensor {
    try ledger.tensor(name(member), shape: shape)
  }

  /// A tensor as `tensor(_:_:)` gives it, but in the type that its file has.
  public func weight(_ member: String, _ shape: [Int]) throws(CheckpointError) -> WeightMatrix {
    try ledger.weight(name(member), shape: shape)
  }

  /// `weight` [outputs, inputs], in the type that its file has, and `bias` [outputs].
  public func linear(in inputs: Int, out outputs: Int, bias: Bool = true) throws(CheckpointError) -> Linear {
    let weight = try weight("weight", [outputs, inputs])
    let layer = pass.layer(weight: weight, bias: try bias ? tensor("bias", [outputs]) : nil)
    weight.releasePages()
    return layer
  }

  /// `linear`, rounded for the precision of `compute`; a quantized file has the weight as int8 with scales.
  public func roundedLinear(
    in inputs: Int, out outputs: Int, bias: Bool = true, isQuantized: Bool
  ) throws(CheckpointError) -> Linear {
    func storedBias() throws(CheckpointError) -> Tensor? { try bias ? tensor("bias", [outputs]) : nil }
    if isQuantized {
      let weight = try ledger.quantizedWeight(name("weight"), shape: [outputs, inputs])
      defer { weight.releasePages() }
      return Linear(weight: compute.packed(weight.values), bias: try storedBias())
    }
    let weight = try weight("weight", [outputs, inputs])
    let layer = pass.layer(weight: weight, bias: try storedBias(), roundedTo: compute.precision?.rounding)
    weight.releasePages()
    return layer
  }

  /// `weight` and `bias`, [size] each.
  public func layerNorm(_ size: Int, eps: Float) throws(CheckpointError) -> LayerNorm {
    try LayerNorm(gain: tensor("weight", [size]), bias: tensor("bias", [size]), eps: eps)
  }
}

extension Tensor {
  /// The values of a stored tensor; float32 that is mapped stays where it is.
  ///
  /// - Throws: what `StoredTensor.copyFloats` throws.
  public init(_ stored: StoredTensor) throws(CheckpointError) {
    let columns = stored.shape.last ?? 1
    let rows = columns == 0 ? 0 : stored.elementCount / columns
    if stored.isMappedFloat32 {
      // The address stays good after the call: the owner keeps the file mapped.
      let base = stored.withUnsafeBytes { $0.baseAddress?.assumingMemoryBound(to: Float.self) }
      if let base {
        self.init(
          Storage(readOnly: base, count: stored.elementCount, owner: StoredTensorOwner(stored)), rows: rows,
          columns: columns)
        return
      }
    }
    let storage = Storage(stored.elementCount)
    try stored.copyFloats(into: UnsafeMutableBufferPointer(start: storage.base, count: stored.elementCount))
    self.init(storage, rows: rows, columns: columns)
  }
}

private final class StoredTensorOwner: MappedMemory {
  private let tensor: StoredTensor
  init(_ tensor: StoredTensor) { self.tensor = tensor }
  func releasePages() { tensor.releasePages() }
}
