extension ZipFault: CustomStringConvertible {
  /// The rest of a sentence that begins with the file's name.
  public var description: String {
    switch self {
    case .noDirectory: "its end record is missing. Was the file cut off, or something appended?"
    case .directoryDisagrees(let field): "its end records contradict the file in \(field)"
    case .outsideFile(let entry): "'\(entry)' lies outside the file"
    case .nameNotUTF8(let entry): "the name of entry \(entry) is not UTF-8"
    case .escapingName(let name): "'\(name)' is a path out of the archive"
    case .duplicateName(let name): "'\(name)' appears twice"
    case .encrypted(let name): "'\(name)' is encrypted"
    case .compressed(let name, let method):
      "'\(name)' is compressed (method \(method)), which PyTorch never does. Was the file re-packed?"
    case .unknownFlags(let name, let flags): "'\(name)' has unknown flags 0x\(String(flags, radix: 16))"
    case .headersDisagree(let name, let field): "the two headers of '\(name)' differ in \(field)"
    case .overlap(let first, let second): "'\(first)' and '\(second)' share bytes"
    }
  }
}

extension PickleFault: CustomStringConvertible {
  /// The rest of a sentence that begins with the file's name.
  public var description: String {
    switch self {
    case .endsEarly(let position): "its pickle ends too early, at byte \(position). Was the file cut off?"
    case .unknownInstruction(let code, let position):
      "its pickle has the instruction 0x\(hexadecimal(code)) at byte \(position), which no file of tensors needs"
    case .unknownProtocol(let version): "its pickle is of protocol \(version); 2 to 5 are read"
    case .forbidden(let module, let name):
      "asks to run '\(module).\(name)'. Only tensors are read from pickles; nothing is ever run"
    case .forbiddenCall(let name, let position):
      "its pickle calls \(name) at byte \(position) in a way that no file of tensors needs"
    case .invalidText(let position): "its pickle has broken text at byte \(position)"
    case .emptyStack(let position): "its pickle takes from an empty stack at byte \(position)"
    case .noMark(let position): "its pickle has no mark where one is needed, at byte \(position)"
    case .noSuchMemo(let index, let position):
      "its pickle recalls value \(index) at byte \(position), which it never stored"
    case .wrongType(let expected, let position):
      "its pickle has no \(expected) where one is needed, at byte \(position)"
    }
  }
}

extension TorchFault: CustomStringConvertible {
  /// The rest of a sentence that begins with the file's name.
  public var description: String {
    switch self {
    case .noEntry(let name): "has no '\(name)', so torch.save did not write it"
    case .severalArchives(let names): "holds several pickles (\(names.joined(separator: ", "))) where one is expected"
    case .notLittleEndian: "was written on a big-endian machine; only little-endian files are read"
    case .wrongMagic: "is a pickle, but torch.save did not write it"
    case .unknownProtocol(let version): "is of PyTorch's file protocol \(version); 1001 is read"
    case .notAStateDict(let found): "holds \(found) instead of a dict of tensors. Save model.state_dict() instead"
    case .ambiguousStateDict(let candidates):
      "holds several dicts of tensors (\(candidates.joined(separator: ", "))), so it is unclear which is the model"
    case .noStorageKeys: "has no list of its storages"
    case .missingStorage(let key): "has no data for storage '\(key)'"
    case .unusedStorage(let key): "has data of a storage '\(key)' that no tensor names"
    case .repeatedStorage(let key): "has the data of storage '\(key)' twice"
    case .storageType(let key): "names two element types for storage '\(key)'"
    case .storageSize(let key, let expected, let found):
      "should have \(expected) bytes of storage '\(key)', but has \(found)"
    case .storagePastEnd(let key): "ends inside storage '\(key)'. Was the file cut off?"
    case .trailingBytes(let count): "has \(count) more bytes after its last storage"
    case .invalidView(let tensor): "'\(tensor)' reaches outside its storage"
    }
  }
}
