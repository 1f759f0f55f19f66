/// The syntax error in ``CheckpointError/json(_:file:)``.
///
/// Positions are byte offsets in the JSON text.
public enum JSONFault: Hashable, Sendable {
  /// The text is not UTF-8.
  case notUTF8
  /// The text ends inside a value.
  case endsEarly
  /// An unexpected byte in place of `expected`.
  case unexpected(byte: UInt8, expected: String, at: Int)
  /// Something other than an integer from 0.
  case notACount(at: Int)
  /// A string contains an unknown escape sequence or half a surrogate pair.
  case invalidEscape(at: Int)
  /// A string contains an unescaped control character.
  case controlCharacter(at: Int)
  /// An object contains the key twice.
  case duplicateKey(String)
  /// Arrays and objects are nested too deeply.
  case tooDeep(limit: Int)
  /// The value is followed by more text.
  case trailingText(at: Int)
}

/// A violation of the safetensors format.
public enum SafetensorsFault: Hashable, Sendable {
  /// The file is too short to contain the length of its header.
  case tooShort(bytes: Int)
  /// The header is longer than any reader allows.
  case headerTooLarge(length: UInt64, limit: Int)
  /// The header ends after the file.
  case headerPastEnd(length: Int, available: Int)
  /// A tensor has an unknown field.
  case unknownField(tensor: String, field: String)
  /// A tensor has no type, shape or offsets.
  case missingField(tensor: String, field: String)
  /// A tensor ends before it begins.
  case offsetsReversed(tensor: String, begin: Int, end: Int)
  /// The offsets of a tensor are not a pair.
  case offsetsNotAPair(tensor: String, found: Int)
  /// Bytes before the tensor belong to no tensor.
  case gap(before: String, begin: Int, expected: Int)
  /// The tensor begins inside another one.
  case overlap(with: String, begin: Int, expected: Int)
  /// The size of the tensor overflows.
  case sizeOverflow(tensor: String, shape: [Int], type: ElementType)
  /// The offsets do not match the size of the shape.
  case sizeMismatch(tensor: String, shape: [Int], type: ElementType, expected: Int, found: Int)
  /// The tensors end before or after the file does.
  case dataLength(expected: Int, found: Int)
  /// The name is reserved by the format.
  case reservedName(String)
}

/// A contradiction between a shard index (`….index.json`) and its folder.
public enum ShardIndexFault: Hashable, Sendable {
  /// The index lists nothing.
  case noWeightMap
  /// A shard is outside the folder.
  case notAPlainFileName(String)
  /// A tensor is not in the shard that the index names.
  case notInShard(tensor: String, shard: String)
  /// A shard contains a tensor that the index does not list.
  case notInIndex(tensor: String, shard: String)
}

/// A violation of the zip format, or a refused feature.
public enum ZipFault: Hashable, Sendable {
  /// The file does not end like an archive without a comment.
  case noDirectory
  /// The end records contradict each other or the directory.
  case directoryDisagrees(field: String)
  /// An entry is located after the entries.
  case outsideFile(entry: String)
  /// The name of an entry is not UTF-8.
  case nameNotUTF8(entry: Int)
  /// The name of an entry is a path that leaves the archive.
  case escapingName(String)
  /// Two entries have the same name.
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

/// A violation of the pickle format, or a feature that a data-only reader refuses.
///
/// Positions are byte offsets in the pickle.
public enum PickleFault: Hashable, Sendable {
  /// The pickle ends inside an instruction.
  case endsEarly(at: Int)
  /// An instruction that data do not need.
  case unknownInstruction(UInt8, at: Int)
  /// An unsupported protocol version.
  case unknownProtocol(Int)
  /// A global that data do not need: the pickle would run code.
  case forbidden(module: String, name: String)
  /// A call with arguments that data do not need.
  case forbiddenCall(of: String, at: Int)
  /// A string is not UTF-8, or a name is too long.
  case invalidText(at: Int)
  /// An instruction finds too little on the stack.
  case emptyStack(at: Int)
  /// An instruction finds no mark on the stack.
  case noMark(at: Int)
  /// A memo entry is read that was not stored.
  case noSuchMemo(Int, at: Int)
  /// A value has the wrong type for its use.
  case wrongType(expected: String, at: Int)
}

/// An inconsistency in a PyTorch file.
public enum TorchFault: Hashable, Sendable {
  /// The archive is missing an entry that `torch.save` writes.
  case noEntry(String)
  /// The archive has several pickles.
  case severalArchives([String])
  /// The elements are stored big-endian.
  case notLittleEndian
  /// The pickle does not begin like a file of `torch.save`.
  case wrongMagic
  /// The older container has a version other than 1001.
  case unknownProtocol(Int)
  /// The pickle contains something other than a dict of tensors.
  case notAStateDict(found: String)
  /// Several entries are dicts of tensors.
  case ambiguousStateDict(candidates: [String])
  /// The older container has no list of storages.
  case noStorageKeys
  /// The data of a storage is missing.
  case missingStorage(key: String)
  /// A storage is listed that no tensor uses.
  case unusedStorage(key: String)
  /// The data of a storage is duplicated.
  case repeatedStorage(key: String)
  /// Two tensors disagree about the type of their storage.
  case storageType(key: String)
  /// The data of a storage has a different size than its tensors specify.
  case storageSize(key: String, expected: Int, found: Int)
  /// The data of a storage ends after the file.
  case storagePastEnd(key: String)
  /// Bytes follow the last storage.
  case trailingBytes(Int)
  /// Shape, strides and offset of a tensor exceed its storage.
  case invalidView(tensor: String)
}
