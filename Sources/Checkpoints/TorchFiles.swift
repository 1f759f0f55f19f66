/// Reads the zip archive written by `torch.save` since PyTorch 1.6.
///
/// A folder named after the file contains `data.pkl`, a pickle of the state dict; `data/<key>` for each storage; in
/// newer files `byteorder`. See torch/serialization.py, `_save` and `_load`.
///
/// - Throws: ``CheckpointError/zip(_:file:)``, ``CheckpointError/pickle(_:file:)``, ``CheckpointError/torch(_:file:)``
///   and the errors shared by both formats.
func readTorchArchive(
  _ file: MappedFile, singleTensor name: String? = nil
) throws(CheckpointError) -> TensorFile {
  let (archive, folder, range) = try picklePlace(in: file)
  var machine = PickleMachine(file, in: range)
  let value = try machine.run()
  let state = try StateDict(value, in: machine.heap, file: file.path, singleTensor: name)
  var tensors: [StoredTensor] = []
  for (name, view) in state.tensors {
    let storage = view.storage
    guard let bytes = archive.entries["\(folder)data/\(storage.key)"] else {
      throw .torch(.missingStorage(key: storage.key), file: file.path)
    }
    try check(storage, has: bytes.count, file: file)
    try tensors.append(StoredTensor(name: name, view: view, in: bytes, of: file))
  }
  try checkSharing(tensors, of: file)
  return try TensorFile(
    path: file.path, tensors: tensors, otherEntries: state.otherEntries, configuration: state.configuration)
}

/// The archive in a file, its folder, and the location of its pickle.
func picklePlace(
  in file: MappedFile
) throws(CheckpointError) -> (archive: ZipArchive, folder: Substring, pickle: Range<Int>) {
  let archive = try ZipArchive(file)
  let pickles = archive.entries.keys.filter { $0.split(separator: "/").dropFirst() == ["data.pkl"] }
  guard let pickle = pickles.first, let range = archive.entries[pickle] else {
    throw .torch(.noEntry("data.pkl"), file: file.path)
  }
  guard pickles.count == 1 else { throw .torch(.severalArchives(pickles.sorted()), file: file.path) }
  guard range.count <= Limits.pickleBytes else {
    throw .overLimit(.pickleBytes, found: range.count, limit: Limits.pickleBytes, file: file.path)
  }
  let folder = pickle.dropLast("data.pkl".count)
  if let order = archive.entries["\(folder)byteorder"] {
    guard file.copy(order) == Array("little".utf8) else { throw .torch(.notLittleEndian, file: file.path) }
  }
  return (archive, folder, range)
}

/// Reads the pickles written by `torch.save` before PyTorch 1.6.
///
/// In order: a magic number, the protocol version, facts about the machine, the state dict, the list of storage keys;
/// then for each key the number of elements and the elements. See torch/serialization.py, `_legacy_save` and
/// `_legacy_load`.
///
/// - Throws: ``CheckpointError/pickle(_:file:)``, ``CheckpointError/torch(_:file:)`` and the errors shared by both
///   formats.
func readTorchPickles(
  _ file: MappedFile, singleTensor name: String? = nil
) throws(CheckpointError) -> TensorFile {
  var position = 0
  try readPreamble(file, at: &position)

  var machine = PickleMachine(file, in: pickleRange(from: position, in: file))
  let value = try machine.run()
  position = machine.position
  let state = try StateDict(value, in: machine.heap, file: file.path, singleTensor: name)
  let places = try readStorages(machine.heap.storages, of: file, at: position)

  var tensors: [StoredTensor] = []
  for (name, view) in state.tensors {
    guard let bytes = places[view.storage.key] else {
      throw .torch(.missingStorage(key: view.storage.key), file: file.path)
    }
    try check(view.storage, has: bytes.count, file: file)
    try tensors.append(StoredTensor(name: name, view: view, in: bytes, of: file))
  }
  try checkSharing(tensors, of: file)
  return try TensorFile(
    path: file.path, tensors: tensors, otherEntries: state.otherEntries, configuration: state.configuration)
}

/// Checks the first three pickles of the older container.
func readPreamble(_ file: MappedFile, at position: inout Int) throws(CheckpointError) {
  // 0x1950a86a20f9469cfc6c, torch/serialization.py's MAGIC_NUMBER.
  let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
  guard case .long(magic) = try readPickle(file, at: &position).value else {
    throw .torch(.wrongMagic, file: file.path)
  }
  guard case .int(let version) = try readPickle(file, at: &position).value else {
    throw .torch(.wrongMagic, file: file.path)
  }
  guard version == 1001 else { throw .torch(.unknownProtocol(version), file: file.path) }
  let machine = try readPickle(file, at: &position)
  guard case .dict(let facts) = machine.value,
    machine.heap.dicts[facts].contains(where: { fact in
      if case .text("little_endian") = fact.key, case .bool(true) = fact.value { true } else { false }
    })
  else { throw .torch(.notLittleEndian, file: file.path) }
}

/// Reads the list of keys at `position` and locates their data after it.
private func readStorages(
  _ storages: [PickledStorage], of file: MappedFile, at position: Int
) throws(CheckpointError) -> [String: Range<Int>] {
  var types: [String: ElementType] = [:]
  for storage in storages {
    guard types.updateValue(storage.elementType, forKey: storage.key) ?? storage.elementType == storage.elementType
    else { throw .torch(.storageType(key: storage.key), file: file.path) }
  }
  var position = position
  let list = try readPickle(file, at: &position)
  guard case .list(let keys) = list.value else { throw .torch(.noStorageKeys, file: file.path) }

  var places: [String: Range<Int>] = [:]
  for value in list.heap.lists[keys] {
    guard case .text(let key) = value else { throw .torch(.noStorageKeys, file: file.path) }
    guard let type = types[key] else { throw .torch(.unusedStorage(key: key), file: file.path) }
    guard file.count - position >= 8,
      let size = checkedProduct([file.load(Int.self, at: position), type.byteCount]),
      size <= file.count - position - 8
    else { throw .torch(.storagePastEnd(key: key), file: file.path) }
    guard places.updateValue(position + 8..<position + 8 + size, forKey: key) == nil else {
      throw .torch(.repeatedStorage(key: key), file: file.path)
    }
    position += 8 + size
  }
  guard position == file.count else { throw .torch(.trailingBytes(file.count - position), file: file.path) }
  return places
}

func readPickle(
  _ file: MappedFile, at position: inout Int
) throws(CheckpointError) -> (value: PickleValue, heap: PickleHeap) {
  var machine = PickleMachine(file, in: pickleRange(from: position, in: file))
  let value = try machine.run()
  position = machine.position
  return (value, machine.heap)
}

private func pickleRange(from position: Int, in file: MappedFile) -> Range<Int> {
  position..<min(file.count, position + Limits.pickleBytes)
}

private func check(_ storage: PickledStorage, has bytes: Int, file: MappedFile) throws(CheckpointError) {
  let expected = storage.elementCount * storage.elementType.byteCount
  guard bytes == expected else {
    throw .torch(.storageSize(key: storage.key, expected: expected, found: bytes), file: file.path)
  }
}

/// Checks that tensors with shared storage are at most a few times as large as the file: tied weights are shared once
/// or twice.
private func checkSharing(_ tensors: [StoredTensor], of file: MappedFile) throws(CheckpointError) {
  let limit = Limits.sharing * file.count + Limits.repeatedElements * MemoryLayout<Double>.size
  var total = 0
  for tensor in tensors {
    total += tensor.elementCount * tensor.elementType.byteCount
    guard total <= limit else { throw .overLimit(.viewedBytes, found: total, limit: limit, file: file.path) }
  }
}
