/// A value of a pickle: only data, no behavior.
///
/// Containers are indices into ``PickleHeap``. A pickle may nest a million tuples or put a dict into itself, which thus
/// causes neither recursion nor a leak.
enum PickleValue {
  case none
  case bool(Bool)
  case int(Int)
  /// A little-endian two's complement integer of more than eight bytes.
  case long([UInt8])
  case float(Double)
  case text(String)
  case bytes
  case tuple(Int)
  case list(Int)
  case dict(Int)
  case global(PickleGlobal)
  case storage(Int)
  case tensor(Int)

  /// The type of the value, for messages.
  var kind: String {
    switch self {
    case .none: "None"
    case .bool: "a bool"
    case .int, .long: "an integer"
    case .float: "a float"
    case .text: "a string"
    case .bytes: "bytes"
    case .tuple: "a tuple"
    case .list: "a list"
    case .dict: "a dict"
    case .global(let global): "'\(global)'"
    case .storage: "a storage"
    case .tensor: "a single tensor"
    }
  }
}

/// The containers, storages and tensors of one pickle.
struct PickleHeap {
  var tuples: [[PickleValue]] = []
  var lists: [[PickleValue]] = []
  /// Pairs in insertion order; a key may occur twice.
  var dicts: [[(key: PickleValue, value: PickleValue)]] = []
  var storages: [PickledStorage] = []
  var tensors: [PickledTensor] = []

  var objectCount: Int {
    tuples.count + lists.count + dicts.count + storages.count + tensors.count
  }
}

/// A storage in a pickle: its data is outside the pickle.
struct PickledStorage {
  let key: String
  let elementType: ElementType
  let elementCount: Int
}

/// A view of a storage; offset and strides are in elements.
struct PickledTensor {
  let storage: PickledStorage
  let offset: Int
  let shape: [Int]
  let strides: [Int]
}

/// The globals needed for a pickle of tensors. No others are allowed.
///
/// A subset of those that `torch.load(weights_only=True)` allows
/// (torch/_weights_only_unpickler.py, `_get_allowed_globals`).
enum PickleGlobal: Hashable, CustomStringConvertible {
  case orderedDict
  case rebuildTensor
  case rebuildTensorV2
  case rebuildParameter
  case size
  case storage(ElementType)

  init?(module: String, name: String) {
    switch (module, name) {
    case ("collections", "OrderedDict"): self = .orderedDict
    case ("torch._utils", "_rebuild_tensor"): self = .rebuildTensor
    case ("torch._utils", "_rebuild_tensor_v2"): self = .rebuildTensorV2
    case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
    case ("torch", "Size"): self = .size
    case ("torch", "DoubleStorage"): self = .storage(.float64)
    case ("torch", "FloatStorage"): self = .storage(.float32)
    case ("torch", "HalfStorage"): self = .storage(.float16)
    case ("torch", "BFloat16Storage"): self = .storage(.bfloat16)
    case ("torch", "LongStorage"): self = .storage(.int64)
    case ("torch", "IntStorage"): self = .storage(.int32)
    case ("torch", "ShortStorage"): self = .storage(.int16)
    case ("torch", "CharStorage"): self = .storage(.int8)
    case ("torch", "ByteStorage"): self = .storage(.uint8)
    case ("torch", "BoolStorage"): self = .storage(.bool)
    default: return nil
    }
  }

  var description: String {
    switch self {
    case .orderedDict: "collections.OrderedDict"
    case .rebuildTensor: "torch._utils._rebuild_tensor"
    case .rebuildTensorV2: "torch._utils._rebuild_tensor_v2"
    case .rebuildParameter: "torch._utils._rebuild_parameter"
    case .size: "torch.Size"
    case .storage(let type): "the storage type of \(type.rawValue)"
    }
  }
}
