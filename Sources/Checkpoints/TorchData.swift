/// Plain data written by `torch.save`: dicts, lists, tuples, strings and integers.
///
/// Other values count as missing.
///
/// A value is a view of the pickle: shared values are not copied, and a list that contains itself is only read as far
/// as it is accessed.
public struct TorchData {
  private let value: PickleValue
  private let heap: PickleHeap

  private init(_ value: PickleValue, in heap: PickleHeap) {
    self.value = value
    self.heap = heap
  }

  /// Reads a file in either PyTorch container.
  ///
  /// - Throws: ``CheckpointError``, for every violation of the format, and for anything other than data.
  public init(path: String) throws(CheckpointError) {
    let file = try MappedFile(path: path)
    switch try FileFormat(of: file) {
    case .torchArchive:
      var machine = PickleMachine(file, in: try picklePlace(in: file).pickle)
      self.init(try machine.run(), in: machine.heap)
    case .torchPickles:
      var position = 0
      try readPreamble(file, at: &position)
      let (value, heap) = try readPickle(file, at: &position)
      self.init(value, in: heap)
    case .safetensors: throw .torch(.wrongMagic, file: path)
    }
  }

  /// The value for a string key of a dict; nil if this is not a dict, or has no such key.
  public subscript(key: String) -> TorchData? {
    guard case .dict(let dict) = value else { return nil }
    let entry = heap.dicts[dict].last { if case .text(key) = $0.key { true } else { false } }
    return entry.map { TorchData($0.value, in: heap) }
  }

  /// The entries of a dict with string keys, in order; nil if this is not a dict.
  public var members: [(key: String, value: TorchData)]? {
    guard case .dict(let dict) = value else { return nil }
    return heap.dicts[dict].compactMap { entry in
      if case .text(let key) = entry.key { (key, TorchData(entry.value, in: heap)) } else { nil }
    }
  }

  /// The elements of a list or a tuple; nil if this is neither.
  public var elements: [TorchData]? {
    switch value {
    case .list(let list): heap.lists[list].map { TorchData($0, in: heap) }
    case .tuple(let tuple): heap.tuples[tuple].map { TorchData($0, in: heap) }
    default: nil
    }
  }

  public var text: String? { if case .text(let text) = value { text } else { nil } }

  public var integer: Int? { if case .int(let integer) = value { integer } else { nil } }
}
