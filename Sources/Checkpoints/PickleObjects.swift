/// The objects that a pickle of tensors constructs.
///
/// Instead of calling functions like Python, their arguments are interpreted; the argument lists are those of
/// torch/_utils.py and torch/serialization.py (`persistent_id`).
extension PickleMachine {
  /// The value of `callee(*arguments)`.
  mutating func construct(_ callee: PickleValue, from arguments: PickleValue) throws(CheckpointError) -> PickleValue {
    guard case .global(let global) = callee, case .tuple(let tuple) = arguments else {
      throw fault(.forbiddenCall(of: callee.kind, at: here))
    }
    try checkObjects()
    let arguments = heap.tuples[tuple]
    switch global {
    case .orderedDict: return try orderedDict(arguments)
    case .size:
      guard arguments.count == 1, case .tuple = arguments[0] else { throw wrongType("the dimensions of a size") }
      return arguments[0]
    case .rebuildTensor:
      guard arguments.count == 4 else { throw wrongType("the four arguments of \(global)") }
      return try tensor(arguments)
    case .rebuildTensorV2:
      // Storage, offset, size, stride, requires_grad, hooks, and since
      // torch 2.0 metadata: None unless the tensor is a lazy conjugate or negative.
      guard arguments.count == 6 || arguments.count == 7 else { throw wrongType("the six arguments of \(global)") }
      if arguments.count == 7 {
        guard case .none = arguments[6] else { throw fault(.forbiddenCall(of: "\(global) with metadata", at: here)) }
      }
      return try tensor(Array(arguments[..<4]))
    case .rebuildParameter:
      guard arguments.count == 3, case .tensor = arguments[0] else { throw wrongType("the tensor of a parameter") }
      return arguments[0]
    case .storage:
      throw fault(.forbiddenCall(of: "\(global)", at: here))
    }
  }

  /// The storage for a persistent identifier: `("storage", type, key, location, element count)`, and in the older
  /// container a sixth entry, None unless the storage is part of another.
  mutating func storage(named identifier: PickleValue) throws(CheckpointError) -> PickleValue {
    try checkObjects()
    guard case .tuple(let tuple) = identifier else { throw wrongType("the description of a storage") }
    let parts = heap.tuples[tuple]
    guard parts.count == 5 || parts.count == 6, case .text("storage") = parts[0],
      case .global(.storage(let type)) = parts[1], case .text(let key) = parts[2], case .text = parts[3],
      case .int(let count) = parts[4], checkedProduct([count, type.byteCount]) != nil
    else { throw wrongType("the description of a storage") }
    if parts.count == 6 {
      guard case .none = parts[5] else { throw fault(.forbiddenCall(of: "a part of a storage", at: here)) }
    }
    heap.storages.append(PickledStorage(key: key, elementType: type, elementCount: count))
    return .storage(heap.storages.count - 1)
  }

  /// An OrderedDict, empty or, as written by Python 2, from a list of pairs.
  private mutating func orderedDict(_ arguments: [PickleValue]) throws(CheckpointError) -> PickleValue {
    var pairs: [(key: PickleValue, value: PickleValue)] = []
    if let first = arguments.first {
      guard arguments.count == 1, case .list(let list) = first else { throw wrongType("a list of pairs") }
      try countCopies(heap.lists[list].count)
      for item in heap.lists[list] {
        let pair =
          switch item {
          case .list(let index): heap.lists[index]
          case .tuple(let index): heap.tuples[index]
          default: [PickleValue]()
          }
        guard pair.count == 2 else { throw wrongType("a pair of key and value") }
        pairs.append((key: pair[0], value: pair[1]))
      }
    }
    heap.dicts.append(pairs)
    return .dict(heap.dicts.count - 1)
  }

  /// A view: storage, offset, size, stride.
  private mutating func tensor(_ arguments: [PickleValue]) throws(CheckpointError) -> PickleValue {
    guard case .storage(let index) = arguments[0], case .int(let offset) = arguments[1],
      let shape = try integers(arguments[2]), let strides = try integers(arguments[3])
    else { throw wrongType("storage, offset, size and stride of a tensor") }
    heap.tensors.append(
      PickledTensor(storage: heap.storages[index], offset: offset, shape: shape, strides: strides))
    return .tensor(heap.tensors.count - 1)
  }

  private func integers(_ value: PickleValue) throws(CheckpointError) -> [Int]? {
    guard case .tuple(let tuple) = value else { return nil }
    let rank = heap.tuples[tuple].count
    guard rank <= Limits.rank else { throw .overLimit(.rank, found: rank, limit: Limits.rank, file: file.path) }
    var integers: [Int] = []
    for element in heap.tuples[tuple] {
      guard case .int(let integer) = element else { return nil }
      integers.append(integer)
    }
    return integers
  }
}
