import Glibc

extension CheckpointError: CustomStringConvertible {
  /// What was expected, what was found and where, with the likely cause.
  public var description: String {
    switch self {
    case .cannotRead(let path, let code):
      "\(path): cannot be read (\(String(cString: strerror(code))))."
    case .cannotWrite(let path, let operation, let code):
      "\(path): cannot be written; \(operation) failed (\(String(cString: strerror(code))))."
    case .notAFile(let path):
      "\(path): a file is expected here, but this is a folder or a device."
    case .noneFound(let names, let folder):
      "\(folder): holds none of \(listed(names)). Is this the folder of a saved model or adapter?"
    case .gitLFSPointer(let path):
      "\(path): is a Git LFS pointer, not the file it stands for. Run 'git lfs pull' in its folder."

    case .missingTensor(let name, let file, let nearest):
      "\(file): has no tensor '\(name)'."
        + (nearest.isEmpty ? "" : " The nearest names are \(listed(nearest)).")
    case .wrongShape(let name, let expected, let found, let file):
      "\(file): '\(name)' is \(found); \(expected) is needed. Was the file made for a model of another size?"
    case .wrongElementType(let name, let expected, let found, let file):
      "\(file): '\(name)' has the element type \(found.rawValue); quantization_config in config.json promises "
        + "\(expected.rawValue). Was one of the two files replaced? 'adapter-cli quantize' writes both."
    case .badScale(let name, let index, let value, let file):
      "\(file): '\(name)'[\(index)] is \(value); a scale is a finite number above 0. Is the file damaged? "
        + "'adapter-cli quantize' writes it again."
    case .unusedTensors(let names, let file):
      "\(file): \(names.count == 1 ? "a tensor has" : "\(names.count) tensors have") no place in this model: "
        + "\(listed(names)). Does the file belong to another kind of model?"
    case .duplicateTensor(let name, let files):
      "\(files.joined(separator: " and ")): '\(name)' appears twice, so it is unclear which tensor is meant."
    case .unknownElementType(let tensor, let type, let file):
      "\(file): '\(tensor)' has the element type '\(type)'; "
        + "read are \(ElementType.allCases.map(\.rawValue).joined(separator: ", "))."
    case .notConvertible(let tensor, let type, let file):
      "\(file): '\(tensor)' has the element type \(type.rawValue), where numbers are needed."
    case .overLimit(let quantity, let found, let limit, let file):
      "\(file): has \(found) \(quantity.rawValue); at most \(limit) are read. No known checkpoint needs so many."

    case .json(let fault, let file): sentence("\(file): \(fault)")
    case .safetensors(let fault, let file): sentence("\(file): is not a valid safetensors file: \(fault)")
    case .shardIndex(let fault, let file): sentence("\(file): is not a valid list of shards: \(fault)")
    case .zip(let fault, let file): sentence("\(file): is not an archive as PyTorch writes it: \(fault)")
    case .pickle(let fault, let file): sentence("\(file): \(fault)")
    case .torch(let fault, let file): sentence("\(file): \(fault)")
    }
  }
}

/// The text with a period, unless it ends in a question.
private func sentence(_ text: String) -> String {
  text.hasSuffix("?") ? text : "\(text)."
}

extension JSONFault: CustomStringConvertible {
  /// The rest of a sentence that begins with the file's name.
  public var description: String {
    switch self {
    case .notUTF8: "the JSON is not UTF-8"
    case .endsEarly: "the JSON ends too early"
    case .unexpected(let byte, let expected, let position):
      "the JSON has \(visible(byte)) at byte \(position), where \(expected) is expected"
    case .notACount(let position): "the JSON needs a count (an integer from 0) at byte \(position)"
    case .invalidEscape(let position): "the JSON has a broken escape sequence at byte \(position)"
    case .controlCharacter(let position): "the JSON has a bare control character in a string at byte \(position)"
    case .duplicateKey(let key): "the JSON has the key '\(key)' twice in one object"
    case .tooDeep(let limit): "the JSON is nested deeper than \(limit) levels"
    case .trailingText(let position): "the JSON has more text after its end, from byte \(position)"
    }
  }
}

extension SafetensorsFault: CustomStringConvertible {
  /// The rest of a sentence that begins with the file's name.
  public var description: String {
    switch self {
    case .tooShort(let bytes):
      "it has \(bytes) bytes, less than the 8 that give the length of its header"
    case .headerTooLarge(let length, let limit):
      "its header would have \(length) bytes, more than the allowed \(limit). Is it another kind of file?"
    case .headerPastEnd(let length, let available):
      "its header has \(length) bytes, but only \(available) are left. Was the file cut off?"
    case .unknownField(let tensor, let field): "'\(tensor)' has an unknown field '\(field)'"
    case .missingField(let tensor, let field): "'\(tensor)' has no '\(field)'"
    case .offsetsReversed(let tensor, let begin, let end):
      "'\(tensor)' ends at byte \(end), before it begins at \(begin)"
    case .offsetsNotAPair(let tensor, let found):
      "'\(tensor)' has \(found) data offsets instead of a begin and an end"
    case .gap(let tensor, let begin, let expected):
      "'\(tensor)' begins at byte \(begin), which leaves a hole after byte \(expected)"
    case .overlap(let tensor, let begin, let expected):
      "'\(tensor)' begins at byte \(begin), inside the tensor that ends at \(expected)"
    case .sizeOverflow(let tensor, let shape, let type):
      "'\(tensor)' is \(type.rawValue) \(shape), more bytes than can be counted"
    case .sizeMismatch(let tensor, let shape, let type, let expected, let found):
      "'\(tensor)' is \(type.rawValue) \(shape), which takes \(expected) bytes, but its offsets span \(found)"
    case .dataLength(let expected, let found):
      "its tensors take \(expected) bytes, but \(found) follow the header. "
        + (found < expected ? "Was the file cut off?" : "Was something appended to the file?")
    case .reservedName(let name): "no tensor can be named '\(name)'"
    }
  }
}

extension ShardIndexFault: CustomStringConvertible {
  /// The rest of a sentence that begins with the file's name.
  public var description: String {
    switch self {
    case .noWeightMap: "it has no 'weight_map'"
    case .notAPlainFileName(let name): "'\(name)' is not the plain name of a file in this folder"
    case .notInShard(let tensor, let shard): "'\(tensor)' should be in \(shard), but is not"
    case .notInIndex(let tensor, let shard): "\(shard) holds '\(tensor)', which is not listed for it"
    }
  }
}

/// The quoted names, abbreviated if there are many.
private func listed(_ names: [String]) -> String {
  let shown = names.prefix(6).map { "'\($0)'" }.joined(separator: ", ")
  return names.count > 6 ? "\(shown) and \(names.count - 6) more" : shown
}

/// Two digits, as in a hex dump.
func hexadecimal(_ byte: UInt8) -> String {
  (byte < 16 ? "0" : "") + String(byte, radix: 16)
}

private func visible(_ byte: UInt8) -> String {
  (0x21..<0x7F).contains(byte) ? "'\(Unicode.Scalar(byte))'" : "the byte 0x\(hexadecimal(byte))"
}
