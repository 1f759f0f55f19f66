/// Writes the instructions of a pickle, protocol 2.
struct PickleBytes {
  var bytes: [UInt8] = [0x80, 2]

  private mutating func emit(_ code: Character, _ argument: [UInt8] = []) {
    bytes += Array(String(code).utf8) + argument
  }

  mutating func mark() { emit("(") }
  mutating func none() { emit("N") }
  mutating func emptyDict() { emit("}") }
  mutating func emptyList() { emit("]") }
  mutating func emptyTuple() { emit(")") }
  mutating func tuple() { emit("t") }
  mutating func setItem() { emit("s") }
  mutating func setItems() { emit("u") }
  mutating func append() { emit("a") }
  mutating func appends() { emit("e") }
  mutating func reduce() { emit("R") }
  mutating func build() { emit("b") }
  mutating func persistentID() { emit("Q") }
  mutating func put(_ index: UInt8) { emit("q", [index]) }
  mutating func get(_ index: UInt8) { emit("h", [index]) }
  mutating func bool(_ value: Bool) { bytes.append(value ? 0x88 : 0x89) }
  mutating func text(_ text: String) { emit("X", CheckpointsTests.bytes(UInt32(text.utf8.count)) + Array(text.utf8)) }
  mutating func global(_ module: String, _ name: String) { emit("c", Array("\(module)\n\(name)\n".utf8)) }
  mutating func stop() { emit(".") }

  mutating func integer(_ value: Int) {
    bytes += [0x8A, 8] + CheckpointsTests.bytes(value)
  }

  mutating func integers(_ values: [Int]) {
    mark()
    for value in values { integer(value) }
    tuple()
  }

  /// `("storage", type, key, "cpu", count)` by persistent identifier; a sixth
  /// entry in the container of before 1.6.
  mutating func storage(_ storage: TorchStorage, isLegacy: Bool = false) {
    mark()
    text("storage")
    global("torch", storage.type)
    text(storage.key)
    text("cpu")
    integer(storage.count)
    if isLegacy { none() }
    tuple()
    persistentID()
  }

  mutating func tensor(_ tensor: TorchTensor, isLegacy: Bool = false) {
    global("torch._utils", "_rebuild_tensor_v2")
    mark()
    storage(tensor.storage, isLegacy: isLegacy)
    integer(tensor.offset)
    integers(tensor.shape)
    integers(tensor.strides)
    bool(false)
    global("collections", "OrderedDict")
    emptyTuple()
    reduce()
    tuple()
    reduce()
  }

  /// A dict from name to tensor.
  mutating func dict(_ tensors: [TorchTensor], isLegacy: Bool = false) {
    emptyDict()
    for tensor in tensors {
      text(tensor.name)
      self.tensor(tensor, isLegacy: isLegacy)
      setItem()
    }
  }
}

/// What `write` writes, between a pickle's beginning and its end.
func pickle(_ write: (inout PickleBytes) -> Void) -> [UInt8] {
  var pickle = PickleBytes()
  write(&pickle)
  pickle.stop()
  return pickle.bytes
}

struct TorchStorage {
  var key: String
  var type = "FloatStorage"
  var count: Int
}

struct TorchTensor {
  var name: String
  var storage: TorchStorage
  var offset = 0
  var shape: [Int]
  var strides: [Int]
}

/// The zip archive of `torch.save`.
func torchArchive(_ pickle: [UInt8], storages: [String: [UInt8]] = [:], byteOrder: String? = "little") -> [UInt8] {
  var entries = [ZipEntry("archive/data.pkl", pickle)]
  if let byteOrder { entries.append(ZipEntry("archive/byteorder", Array(byteOrder.utf8))) }
  entries += storages.sorted { $0.key < $1.key }.map { ZipEntry("archive/data/\($0.key)", $0.value) }
  return zip(entries)
}

/// The pickles of `torch.save` before PyTorch 1.6.
func torchPickles(
  _ object: [UInt8], keys: [String], storages: [[UInt8]], magic: [UInt8]? = nil, version: Int = 1001,
  isLittleEndian: Bool = true
) -> [UInt8] {
  let magic = magic ?? [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E]
  let facts = pickle {
    $0.emptyDict()
    $0.text("little_endian")
    $0.bool(isLittleEndian)
    $0.setItem()
  }
  let list = pickle {
    $0.emptyList()
    $0.mark()
    for key in keys { $0.text(key) }
    $0.appends()
  }
  return magic + pickle { $0.integer(version) } + facts + object + list + storages.flatMap { $0 }
}
