/// How a JSON text breaks the rules of ``CheckpointError/json(_:file:)``.
///
/// Positions count bytes from the start of the JSON text.
public enum JSONFault: Hashable, Sendable {
  case notUTF8
  case endsEarly
  case unexpected(byte: UInt8, expected: String, at: Int)
  case notACount(at: Int)
  case invalidEscape(at: Int)
  case controlCharacter(at: Int)
  case duplicateKey(String)
  case tooDeep(limit: Int)
  case trailingText(at: Int)
}

/// How a safetensors file breaks its format.
public enum SafetensorsFault: Hashable, Sendable {
  case tooShort(bytes: Int)
  case headerTooLarge(length: UInt64, limit: Int)
  case headerPastEnd(length: Int, available: Int)
  case unknownField(tensor: String, field: String)
  case missingField(tensor: String, field: String)
  case offsetsReversed(tensor: String, begin: Int, end: Int)
  case offsetsNotAPair(tensor: String, found: Int)
  case gap(before: String, begin: Int, expected: Int)
  case overlap(with: String, begin: Int, expected: Int)
  case sizeOverflow(tensor: String, shape: [Int], type: ElementType)
  case sizeMismatch(tensor: String, shape: [Int], type: ElementType, expected: Int, found: Int)
  case dataLength(expected: Int, found: Int)
  case reservedName(String)
}

/// How a list of shards (`….index.json`) contradicts its folder.
public enum ShardIndexFault: Hashable, Sendable {
  case noWeightMap
  case notAPlainFileName(String)
  case notInShard(tensor: String, shard: String)
  case notInIndex(tensor: String, shard: String)
}

/// How a zip archive breaks its format, or asks for what is refused.
public enum ZipFault: Hashable, Sendable {
  case noDirectory
  case directoryDisagrees(field: String)
  case outsideFile(entry: String)
  case nameNotUTF8(entry: Int)
  case escapingName(String)
  case duplicateName(String)
  case encrypted(String)
  case compressed(String, method: Int)
  case unknownFlags(String, flags: Int)
  case headersDisagree(String, field: String)
  case overlap(String, String)
}

/// How a pickle breaks its format, or asks for what a data-only reader refuses.
///
/// Positions count bytes from the start of the pickle.
public enum PickleFault: Hashable, Sendable {
  case endsEarly(at: Int)
  case unknownInstruction(UInt8, at: Int)
  case unknownProtocol(Int)
  case forbidden(module: String, name: String)
  case forbiddenCall(of: String, at: Int)
  case invalidText(at: Int)
  case emptyStack(at: Int)
  case noMark(at: Int)
  case noSuchMemo(Int, at: Int)
  case wrongType(expected: String, at: Int)
}

/// How a PyTorch file contradicts itself.
public enum TorchFault: Hashable, Sendable {
  case noEntry(String)
  case severalArchives([String])
  case notLittleEndian
  case wrongMagic
  case unknownProtocol(Int)
  case notAStateDict(found: String)
  case ambiguousStateDict(candidates: [String])
  case noStorageKeys
  case missingStorage(key: String)
  case unusedStorage(key: String)
  case repeatedStorage(key: String)
  case storageType(key: String)
  case storageSize(key: String, expected: Int, found: Int)
  case storagePastEnd(key: String)
  case trailingBytes(Int)
  case invalidView(tensor: String)
}
