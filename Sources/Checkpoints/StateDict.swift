/// The tensors of a pickled state dict.
///
/// Either the top level contains tensors and is the state dict, or exactly one of its values is a dict that does, as in
/// `{"model": …, "epoch": 3}`.
struct StateDict {
  /// The tensors by name, in the order of the file.
  let tensors: [(name: String, view: PickledTensor)]
  /// The names of entries other than tensors, including those of nested dicts.
  let otherEntries: [String]
  /// The member `config` at the level of the tensors, or of the dict that contains them.
  let configuration: JSONValue?

  /// - Throws: ``CheckpointError/torch(_:file:)`` if `value` is not a state dict or more than one of its values is,
  ///   ``CheckpointError/duplicateTensor(name:files:)`` for a duplicate name.
  ///
  /// - Parameter singleName: the name for a single tensor, which is treated as a dict with one entry; nil: it is
  ///   refused.
  init(
    _ value: PickleValue, in heap: PickleHeap, file: String, singleTensor singleName: String? = nil
  ) throws(CheckpointError) {
    if let singleName, case .tensor(let index) = value {
      tensors = [(singleName, heap.tensors[index])]
      otherEntries = []
      configuration = nil
      return
    }
    guard case .dict(let top) = value else { throw .torch(.notAStateDict(found: value.kind), file: file) }
    let entries = heap.dicts[top]
    // Each dict is searched once, however often it is referenced.
    var searched: [Int: Bool] = [:]
    let candidates = entries.compactMap { entry -> (name: String, dict: Int)? in
      guard case .text(let name) = entry.key, case .dict(let dict) = entry.value else { return nil }
      let holdsTensors = searched[dict] ?? heap.dicts[dict].contains(where: isTensor)
      searched[dict] = holdsTensors
      return holdsTensors ? (name, dict) : nil
    }
    var others: [String] = []
    var chosen = entries
    if !entries.contains(where: isTensor), let candidate = candidates.first {
      guard candidates.count == 1 else {
        throw .torch(.ambiguousStateDict(candidates: candidates.map(\.name)), file: file)
      }
      chosen = heap.dicts[candidate.dict]
      others = entries.map(name).filter { $0 != candidate.name }
    } else if !entries.isEmpty, !entries.contains(where: isTensor) {
      throw .torch(.notAStateDict(found: "a dict without tensors"), file: file)
    }

    var tensors: [(name: String, view: PickledTensor)] = []
    var names: Set<String> = []
    for entry in chosen {
      guard case .text(let name) = entry.key, case .tensor(let index) = entry.value else {
        others.append(Checkpoints.name(of: entry))
        continue
      }
      guard names.insert(name).inserted else { throw .duplicateTensor(name: name, files: [file]) }
      guard names.count <= Limits.tensors else {
        throw .overLimit(.tensors, found: names.count, limit: Limits.tensors, file: file)
      }
      tensors.append((name, heap.tensors[index]))
    }
    self.tensors = tensors
    otherEntries = others
    let configuration = (entries + chosen).first { if case .text("config") = $0.key { true } else { false } }
    var data = PlainData(heap: heap)
    self.configuration = configuration.flatMap { data.json($0.value) }
  }
}

/// Converts plain pickled data to JSON, with a limit on values, because a pickle may reference a list many times.
private struct PlainData {
  let heap: PickleHeap
  var budget = 10_000

  /// Nil for what JSON cannot represent, and for what is too large or too deep.
  mutating func json(_ value: PickleValue, depth: Int = 8) -> JSONValue? {
    budget -= 1
    guard depth > 0, budget > 0 else { return nil }
    switch value {
    case .none: return .null
    case .bool(let bool): return .bool(bool)
    case .int(let int): return .integer(int)
    case .float(let number): return .number(number)
    case .text(let text): return .string(text)
    case .list(let index): return array(heap.lists[index], depth)
    case .tuple(let index): return array(heap.tuples[index], depth)
    case .dict(let index):
      var members: [String: JSONValue] = [:]
      for (key, value) in heap.dicts[index] {
        guard case .text(let name) = key, let member = json(value, depth: depth - 1) else { return nil }
        members[name] = member
      }
      return .object(members)
    case .long, .bytes, .global, .storage, .tensor: return nil
    }
  }

  private mutating func array(_ values: [PickleValue], _ depth: Int) -> JSONValue? {
    var elements: [JSONValue] = []
    for value in values {
      guard let element = json(value, depth: depth - 1) else { return nil }
      elements.append(element)
    }
    return .array(elements)
  }
}

private typealias Entry = (key: PickleValue, value: PickleValue)

private func isTensor(_ entry: Entry) -> Bool {
  if case .text = entry.key, case .tensor = entry.value { true } else { false }
}

private func name(of entry: Entry) -> String {
  if case .text(let name) = entry.key { name } else { "(key that is \(entry.key.kind))" }
}

extension StoredTensor {
  /// The tensor for a view of a storage.
  ///
  /// - `bytes`: the range of the whole storage in `source`.
  /// - Throws: ``CheckpointError/torch(_:file:)`` if an element is outside the storage,
  ///   ``CheckpointError/overLimit(_:found:limit:file:)``.
  init(name: String, view: PickledTensor, in bytes: Range<Int>, of source: MappedFile) throws(CheckpointError) {
    try checkLimits(name: name, rank: view.shape.count, file: source.path)
    guard let extent = try view.extent(in: bytes, name: name, file: source.path) else {
      throw .torch(.invalidView(tensor: name), file: source.path)
    }
    self.init(name: name, shape: view.shape, elementType: view.storage.elementType, source: source, extent: extent)
  }
}

extension PickledTensor {
  /// The location of the elements, or nil if not inside the storage at `bytes`.
  fileprivate func extent(in bytes: Range<Int>, name: String, file: String) throws(CheckpointError) -> StoredTensor
    .Extent?
  {
    let size = storage.elementType.byteCount
    guard shape.count == strides.count, offset >= 0, offset <= storage.elementCount,
      let count = checkedProduct(shape), checkedProduct([count, size]) != nil
    else { return nil }
    let start = bytes.lowerBound + offset * size
    guard count > 0 else { return .contiguous(start..<start) }

    var last = offset
    var isContiguous = true
    var rowMajor = 1
    for (dimension, stride) in zip(shape, strides).reversed() where dimension > 1 {
      let (span, overflow) = (dimension - 1).multipliedReportingOverflow(by: stride)
      let (sum, carry) = last.addingReportingOverflow(span)
      guard stride >= 0, !overflow, !carry else { return nil }
      last = sum
      isContiguous = isContiguous && stride == rowMajor
      rowMajor *= dimension
    }
    guard last < storage.elementCount else { return nil }
    if isContiguous { return .contiguous(start..<start + count * size) }
    guard count <= max(storage.elementCount, Limits.repeatedElements) else {
      throw .overLimit(.repeatedElements, found: count, limit: Limits.repeatedElements, file: file)
    }
    // The stride of a dimension of size one is unused and may have any value.
    return .strided(start: start, strides: zip(shape, strides).map { $0 == 1 ? 0 : $1 })
  }
}
