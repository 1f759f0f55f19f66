/// How a JSON text breaks the rules of ``CheckpointError/json(_:file:)``.
///
/// Positions count bytes from the start of the JSON text.
public enum JSONFault: Hashable, Sendable {
  /// The text is not UTF-8.
  case notUTF8
  /// The text ends inside a value.
  case endsEarly
  /// Another byte stands where `expected` should.
  case unexpected(byte: UInt8, expected: String, at: Int)
  /// Something else stands where an integer from 0 should.
  case notACount(at: Int)
  /// A string has an unknown escape sequence or half a surrogate pair.
  case invalidEscape(at: Int)
  /// A string has a control character that is not escaped.
  case controlCharacter(at: Int)
  /// An object has the key twice.
  case duplicateKey(String)
  /// Arrays and objects are nested too deeply.
  case tooDeep(limit: Int)
  /// More follows the value.
  case trailingText(at: Int)
}

/// How a safetensors file breaks its format.
public enum SafetensorsFault: Hashable, Sendable {
  /// The file is too short to say how long its header is.
  case tooShort(bytes: Int)
  /// The header would be longer than any reader allows.
  case headerTooLarge(length: UInt64, limit: Int)
  /// The header would end after the file.
  case headerPastEnd(length: Int, available: Int)
  /// A tensor has a field that the format does not know.
  case unknownField(tensor: String, field: String)
  /// A tensor has no type, shape or offsets.
  case missingField(tensor: String, field: String)
  /// A tensor ends before it begins.
  case offsetsReversed(tensor: String, begin: Int, end: Int)
  /// The offsets of a tensor are not a begin and an end.
  case offsetsNotAPair(tensor: String, found: Int)
  /// Bytes before the tensor belong to none.
  case gap(before: String, begin: Int, expected: Int)
  /// The tensor begins inside another one.
  case overlap(with: String, begin: Int, expected: Int)
  /// The size of the tensor cannot be computed.
  case sizeOverflow(tensor: String, shape: [Int], type: ElementType)
  /// The offsets do not span what the shape needs.
  case sizeMismatch(tensor: String, shape: [Int], type: ElementType, expected: Int, found: Int)
  /// The tensors end before or after the file does.
  case dataLength(expected: Int, found: Int)
  /// The name has a meaning in the format and cannot be a tensor's.
  case reservedName(String)
}

/// How a list of shards (`….index.json`) contradicts its folder.
public enum ShardIndexFault: Hashable, Sendable {
  /// The index lists nothing.
  case noWeightMap
  /// A shard would be looked for outside the folder.
  case notAPlainFileName(String)
  /// A tensor is not where the index says.
  case notInShard(tensor: String, shard: String)
  /// A shard holds a tensor that the index does not list.
  case notInIndex(tensor: String, shard: String)
}

/// How a zip archive breaks its format, or asks for what is refused.
public enum ZipFault: Hashable, Sendable {
  /// The file does not end as an archive without a comment does.
  case noDirectory
  /// The end records contradict each other or the directory.
  case directoryDisagrees(field: String)
  /// An entry would lie after the entries.
  case outsideFile(entry: String)
  /// The name of an entry is no text.
  case nameNotUTF8(entry: Int)
  /// The name of an entry is a path out of the archive.
  case escapingName(String)
  /// Two entries have one name.
  case duplicateName(String)
  /// An entry is encrypted.
  case encrypted(String)
  /// An entry is compressed.
  case compressed(String, method: Int)
  /// An entry has flags that change its meaning.
  case unknownFlags(String, flags: Int)
  /// The two headers of an entry, or its descriptor, differ.
  case headersDisagree(String, field: String)
  /// Two entries share bytes.
  case overlap(String, String)
}

/// How a pickle breaks its format, or asks for what a data-only reader refuses.
///
/// Positions count bytes from the start of the pickle.
public enum PickleFault: Hashable, Sendable {
  /// The pickle ends inside an instruction.
  case endsEarly(at: Int)
  /// An instruction that data does not need.
  case unknownInstruction(UInt8, at: Int)
  /// A protocol version that is not read.
  case unknownProtocol(Int)
  /// A global that data does not need: the pickle would run code.
  case forbidden(module: String, name: String)
  /// A call with arguments that data does not need.
  case forbiddenCall(of: String, at: Int)
  /// A string is not UTF-8, or a name too long.
  case invalidText(at: Int)
  /// An instruction finds too little on the stack.
  case emptyStack(at: Int)
  /// An instruction finds no mark on the stack.
  case noMark(at: Int)
  /// A value is recalled that was not stored.
  case noSuchMemo(Int, at: Int)
  /// A value is of another type than its use needs.
  case wrongType(expected: String, at: Int)
}

/// How a PyTorch file contradicts itself.
public enum TorchFault: Hashable, Sendable {
  /// The archive does not have an entry that `torch.save` writes.
  case noEntry(String)
  /// The archive has several pickles.
  case severalArchives([String])
  /// The elements are stored big-endian.
  case notLittleEndian
  /// The pickle does not begin as a file of `torch.save`.
  case wrongMagic
  /// The older container has another version than 1001.
  case unknownProtocol(Int)
  /// The pickle holds another object than a dict of tensors.
  case notAStateDict(found: String)
  /// Several entries are dicts of tensors.
  case ambiguousStateDict(candidates: [String])
  /// The older container has no list of storages.
  case noStorageKeys
  /// The data of a storage is missing.
  case missingStorage(key: String)
  /// A storage is listed that no tensor names.
  case unusedStorage(key: String)
  /// The data of a storage is there twice.
  case repeatedStorage(key: String)
  /// Two tensors disagree about the type of their storage.
  case storageType(key: String)
  /// The data of a storage has another size than its tensors say.
  case storageSize(key: String, expected: Int, found: Int)
  /// The data of a storage would end after the file.
  case storagePastEnd(key: String)
  /// Bytes follow the last storage.
  case trailingBytes(Int)
  /// Shape, strides and offset of a tensor leave its storage.
  case invalidView(tensor: String)
}
