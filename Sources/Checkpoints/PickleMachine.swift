/// Reads a pickle as data.
///
/// A pickle is a program for a stack machine (Python's pickletools.py lists its instructions). This machine implements
/// those that `torch.save` needs for dicts of tensors. It has no loops, calls nothing and never recurses: each
/// instruction takes at least one byte and constant time, except for the elements it copies. Stack contents are copied
/// once; containers referenced again through the memo are shared, and if a call copies one, ``countCopies(_:)`` counts
/// its elements, whose number cannot exceed the bytes of the pickle. So time and memory are linear in the file size.
/// Stack, memo, text and containers are bounded by ``Limits``.
struct PickleMachine {
  /// The containers built by the pickle.
  var heap = PickleHeap()
  /// The position of the next instruction in the file.
  private(set) var position: Int

  let file: MappedFile
  private let start: Int
  private let end: Int
  private var stack: [PickleValue] = []
  /// The stack heights at marks.
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]
  private var copiedElements = 0

  /// The pickle starts at the beginning of `range` and ends inside it.
  init(_ file: MappedFile, in range: Range<Int>) {
    self.file = file
    start = range.lowerBound
    end = range.upperBound
    position = range.lowerBound
  }

  /// Runs the pickle and returns the top of the stack.
  ///
  /// - Throws: ``CheckpointError/pickle(_:file:)`` for corruption and for anything that is not data,
  ///   ``CheckpointError/overLimit(_:found:limit:file:)``.
  mutating func run() throws(CheckpointError) -> PickleValue {
    while true {
      let code = try integer(UInt8.self)
      if code == UInt8(ascii: ".") { return try pop() }
      guard let instruction = PickleInstruction(rawValue: code) else {
        throw fault(.unknownInstruction(code, at: here - 1))
      }
      try step(instruction)
    }
  }

  private mutating func step(_ instruction: PickleInstruction) throws(CheckpointError) {
    switch instruction {
    case .proto:
      let version = try integer(UInt8.self)
      guard (2...5).contains(version) else { throw fault(.unknownProtocol(Int(version))) }
    case .frame: _ = try integer(UInt64.self)

    case .none: try push(.none)
    case .newTrue: try push(.bool(true))
    case .newFalse: try push(.bool(false))
    case .binInt: try push(.int(Int(integer(Int32.self))))
    case .binInt1: try push(.int(Int(integer(UInt8.self))))
    case .binInt2: try push(.int(Int(integer(UInt16.self))))
    case .long1: try push(long(byteCount: Int(integer(UInt8.self))))
    case .binFloat: try push(.float(Double(bitPattern: integer(UInt64.self).byteSwapped)))

    case .shortBinUnicode, .shortBinString: try push(text(byteCount: integer(UInt8.self)))
    case .binUnicode, .binString: try push(text(byteCount: integer(UInt32.self)))
    case .binUnicode8: try push(text(byteCount: integer(UInt64.self)))
    case .shortBinBytes: try pushBytes(byteCount: integer(UInt8.self))
    case .binBytes: try pushBytes(byteCount: integer(UInt32.self))

    case .mark: marks.append(stack.count)
    case .pop: _ = try pop()
    case .popMark: _ = try popToMark()

    case .emptyTuple: try pushTuple([])
    case .tuple1: try pushTuple(pop(1))
    case .tuple2: try pushTuple(pop(2))
    case .tuple3: try pushTuple(pop(3))
    case .tuple: try pushTuple(popToMark())
    case .emptyList: try pushList([])
    case .append: try append([pop()])
    case .appends: try append(popToMark())
    case .emptyDict: try pushDict([])
    case .setItem: try setItems(pop(2))
    case .setItems: try setItems(popToMark())

    case .binPut: try remember(at: Int(integer(UInt8.self)))
    case .longBinPut: try remember(at: Int(integer(UInt32.self)))
    case .memoize: try remember(at: memo.count)
    case .binGet: try recall(Int(integer(UInt8.self)))
    case .longBinGet: try recall(Int(integer(UInt32.self)))

    case .global: try pushGlobal(module: line(), name: line())
    case .stackGlobal:
      let names = try pop(2)
      guard case .text(let module) = names[0], case .text(let name) = names[1] else {
        throw wrongType("the name of a global")
      }
      try pushGlobal(module: module, name: name)
    case .reduce:
      let call = try pop(2)
      try push(construct(call[0], from: call[1]))
    case .binPersistentID: try push(storage(named: pop()))
    case .build: try build(from: pop())
    }
  }

  // MARK: - Stack and memo

  /// The position in the pickle, for messages.
  var here: Int { position - start }

  func fault(_ fault: PickleFault) -> CheckpointError { .pickle(fault, file: file.path) }

  func wrongType(_ expected: String) -> CheckpointError { fault(.wrongType(expected: expected, at: here)) }

  private mutating func push(_ value: PickleValue) throws(CheckpointError) {
    guard stack.count < Limits.pickleStack else {
      throw .overLimit(.pickleStack, found: stack.count + 1, limit: Limits.pickleStack, file: file.path)
    }
    stack.append(value)
  }

  private mutating func pop() throws(CheckpointError) -> PickleValue {
    guard stack.count > marks.last ?? 0, let value = stack.popLast() else { throw fault(.emptyStack(at: here)) }
    return value
  }

  private mutating func pop(_ count: Int) throws(CheckpointError) -> [PickleValue] {
    guard stack.count - (marks.last ?? 0) >= count else { throw fault(.emptyStack(at: here)) }
    let values = Array(stack.suffix(count))
    stack.removeLast(count)
    return values
  }

  private mutating func popToMark() throws(CheckpointError) -> [PickleValue] {
    guard let height = marks.popLast() else { throw fault(.noMark(at: here)) }
    let values = Array(stack[height...])
    stack.removeLast(values.count)
    return values
  }

  private func top() throws(CheckpointError) -> PickleValue {
    guard stack.count > marks.last ?? 0, let value = stack.last else { throw fault(.emptyStack(at: here)) }
    return value
  }

  private mutating func remember(at index: Int) throws(CheckpointError) {
    memo[index] = try top()
    guard memo.count <= Limits.pickleMemo else {
      throw .overLimit(.pickleMemo, found: memo.count, limit: Limits.pickleMemo, file: file.path)
    }
  }

  private mutating func recall(_ index: Int) throws(CheckpointError) {
    guard let value = memo[index] else { throw fault(.noSuchMemo(index, at: here)) }
    try push(value)
  }

  // MARK: - Containers

  /// Counts elements that a call copies from a container.
  ///
  /// - Throws: ``CheckpointError/overLimit(_:found:limit:file:)`` beyond one per byte of the pickle.
  mutating func countCopies(_ count: Int) throws(CheckpointError) {
    copiedElements += count
    guard copiedElements <= end - start else {
      throw .overLimit(.pickleCopies, found: copiedElements, limit: end - start, file: file.path)
    }
  }

  func checkObjects() throws(CheckpointError) {
    guard heap.objectCount < Limits.pickleObjects else {
      throw .overLimit(.pickleObjects, found: heap.objectCount + 1, limit: Limits.pickleObjects, file: file.path)
    }
  }

  private mutating func pushTuple(_ values: [PickleValue]) throws(CheckpointError) {
    try checkObjects()
    heap.tuples.append(values)
    try push(.tuple(heap.tuples.count - 1))
  }

  private mutating func pushList(_ values: [PickleValue]) throws(CheckpointError) {
    try checkObjects()
    heap.lists.append(values)
    try push(.list(heap.lists.count - 1))
  }

  private mutating func pushDict(_ pairs: [(key: PickleValue, value: PickleValue)]) throws(CheckpointError) {
    try checkObjects()
    heap.dicts.append(pairs)
    try push(.dict(heap.dicts.count - 1))
  }

  private mutating func append(_ values: [PickleValue]) throws(CheckpointError) {
    guard case .list(let list) = try top() else { throw wrongType("a list") }
    heap.lists[list] += values
  }

  private mutating func setItems(_ values: [PickleValue]) throws(CheckpointError) {
    guard case .dict(let dict) = try top() else { throw wrongType("a dict") }
    guard values.count.isMultiple(of: 2) else { throw wrongType("the value of a key") }
    for i in stride(from: 0, to: values.count, by: 2) {
      heap.dicts[dict].append((key: values[i], value: values[i + 1]))
    }
  }

  /// Sets attributes. A state dict has `_metadata`, the versions of modules, which does not affect weights; no other
  /// object has any.
  private mutating func build(from state: PickleValue) throws(CheckpointError) {
    guard case .dict = try top(), case .dict = state else {
      throw fault(.forbiddenCall(of: "__setstate__ of \(try top().kind)", at: here))
    }
  }

  private mutating func pushGlobal(module: String, name: String) throws(CheckpointError) {
    guard let global = PickleGlobal(module: module, name: name) else {
      throw fault(.forbidden(module: module, name: name))
    }
    try push(.global(global))
  }

  // MARK: - Bytes

  private mutating func take(_ count: some BinaryInteger) throws(CheckpointError) -> Range<Int> {
    guard count <= end - position else { throw fault(.endsEarly(at: end - start)) }
    let range = position..<position + Int(count)
    position = range.upperBound
    return range
  }

  private mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type) throws(CheckpointError) -> T {
    try file.load(type, at: take(MemoryLayout<T>.size).lowerBound)
  }

  private mutating func long(byteCount: Int) throws(CheckpointError) -> PickleValue {
    let bytes = try file.copy(take(byteCount))
    guard bytes.count <= 8 else { return .long(bytes) }
    let isNegative = bytes.last.map { $0 >= 0x80 } ?? false
    return .int(bytes.reversed().reduce(isNegative ? -1 : 0) { $0 << 8 | Int($1) })
  }

  private mutating func text(byteCount: some BinaryInteger) throws(CheckpointError) -> PickleValue {
    let position = here
    guard let text = try file.text(takeText(byteCount)) else { throw fault(.invalidText(at: position)) }
    return .text(text)
  }

  private mutating func pushBytes(byteCount: some BinaryInteger) throws(CheckpointError) {
    _ = try takeText(byteCount)
    try push(.bytes)
  }

  private mutating func takeText(_ count: some BinaryInteger) throws(CheckpointError) -> Range<Int> {
    let range = try take(count)
    guard range.count <= Limits.pickleText else {
      throw .overLimit(.pickleText, found: range.count, limit: Limits.pickleText, file: file.path)
    }
    return range
  }

  /// A line of at most 255 bytes, without its end.
  private mutating func line() throws(CheckpointError) -> String {
    let first = position
    for _ in 0..<256 where try integer(UInt8.self) == UInt8(ascii: "\n") {
      guard let text = file.text(first..<position - 1) else { break }
      return text
    }
    throw fault(.invalidText(at: first - start))
  }
}
