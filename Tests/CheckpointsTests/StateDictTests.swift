import Testing

@testable import Checkpoints

@Suite struct StateDictTests {
  static let storage = TorchStorage(key: "0", count: 6)
  static let data: [Float] = [0, 1, 2, 3, 4, 5]
  static let matrix = TorchTensor(name: "a", storage: storage, shape: [2, 3], strides: [3, 1])

  private func archive(_ write: (inout PickleBytes) -> Void) -> [UInt8] {
    torchArchive(pickle(write), storages: ["0": bytes(Self.data)])
  }

  private func view(offset: Int = 0, _ shape: [Int], _ strides: [Int]) -> [UInt8] {
    archive { $0.dict([TorchTensor(name: "a", storage: Self.storage, offset: offset, shape: shape, strides: strides)]) }
  }

  private func floats(_ file: [UInt8]) throws -> [Float] {
    try #require(try tensorFile(file)["a"]).floats()
  }

  @Test func viewsAreGatheredInOrder() throws {
    #expect(try floats(view([2, 3], [3, 1])) == [0, 1, 2, 3, 4, 5])
    #expect(try floats(view([3, 2], [1, 3])) == [0, 3, 1, 4, 2, 5])
    #expect(try floats(view(offset: 1, [2, 2], [3, 1])) == [1, 2, 4, 5])
    #expect(try floats(view(offset: 4, [2], [1])) == [4, 5])
    #expect(try floats(view([2, 2], [0, 1])) == [0, 1, 0, 1])
    #expect(try floats(view([3, 1, 2], [1, 77, 3])) == [0, 3, 1, 4, 2, 5])
    #expect(try floats(view([2, 1, 3], [3, 99, 1])) == [0, 1, 2, 3, 4, 5])
    #expect(try floats(view(offset: 5, [], [])) == [5])
    #expect(try floats(view(offset: 6, [0, 4], [4, 1])) == [])
  }

  /// Contiguous ones are, in archives of PyTorch, which align storages: see RealFilesTests.
  @Test func aGatheredViewIsNotUsedInPlace() throws {
    let file = try tensorFile(view([3, 2], [1, 3]))
    #expect(try #require(file["a"]).isMappedFloat32 == false)
  }

  @Test(arguments: [
    (0, [7], [1]), (1, [6], [1]), (0, [2, 3], [4, 1]), (-1, [1], [1]), (7, [0], [1]), (0, [-1], [1]), (0, [2], [-1]),
    (0, [2, 3], [1]), (0, [2], [Int.max]), (Int.max, [2], [1]), (0, [Int.max, 2], [0, 0]),
    (0, [1 << 40, 1 << 40, 0], [1, 1, 1]), (0, [3, 2], [Int.max / 2, 1]), (0, [1 << 61, 1], [0, 0]),
  ])
  func viewsOutsideTheirStorageAreRefused(_ offset: Int, _ shape: [Int], _ strides: [Int]) {
    #expect(refusal(of: view(offset: offset, shape, strides))?.torch == .invalidView(tensor: "a"))
  }

  @Test func viewsThatRepeatTheirStorageAreBounded() {
    #expect(refusal(of: view([1 << 24], [0])) == nil)
    #expect(refusal(of: view([1 << 24, 2], [0, 1]))?.quantity == .repeatedElements)
  }

  @Test func tiedWeightsShareTheirStorage() throws {
    var tied = Self.matrix
    tied.name = "b"
    let file = try tensorFile(archive { $0.dict([Self.matrix, tied]) })
    #expect(try file["a"]?.floats() == Self.data)
    #expect(try file["b"]?.floats() == Self.data)
  }

  @Test func storagesMustBeThereAndHaveTheirSize() {
    let object = pickle { $0.dict([Self.matrix]) }
    #expect(refusal(of: torchArchive(object, storages: ["1": []]))?.torch == .missingStorage(key: "0"))
    #expect(
      refusal(of: torchArchive(object, storages: ["0": [1, 2]]))?.torch
        == .storageSize(key: "0", expected: 24, found: 2))
  }

  @Test func storageTypesOutsideTheClosedSetAreRefused() {
    var matrix = Self.matrix
    matrix.storage.type = "ComplexFloatStorage"
    #expect(
      refusal(of: archive { $0.dict([matrix]) })?.pickle == .forbidden(module: "torch", name: "ComplexFloatStorage"))
  }

  @Test(arguments: [
    ("DoubleStorage", ElementType.float64), ("HalfStorage", .float16), ("BFloat16Storage", .bfloat16),
    ("LongStorage", .int64), ("IntStorage", .int32), ("ShortStorage", .int16), ("CharStorage", .int8),
    ("ByteStorage", .uint8), ("BoolStorage", .bool),
  ])
  func everyStorageTypeIsRead(_ name: String, _ type: ElementType) throws {
    let storage = TorchStorage(key: "k", type: name, count: 3)
    let object = pickle { $0.dict([TorchTensor(name: "a", storage: storage, shape: [3], strides: [1])]) }
    let file = try tensorFile(
      torchArchive(object, storages: ["k": Array(repeating: 0, count: 3 * type.byteCount)]))
    #expect(file["a"]?.elementType == type)
  }

  @Test func aParameterIsItsTensor() throws {
    let file = archive {
      $0.emptyDict()
      $0.text("a")
      $0.global("torch._utils", "_rebuild_parameter")
      $0.mark()
      $0.tensor(Self.matrix)
      $0.bool(true)
      $0.global("collections", "OrderedDict")
      $0.emptyTuple()
      $0.reduce()
      $0.tuple()
      $0.reduce()
      $0.setItem()
    }
    #expect(try floats(file) == Self.data)
  }

  @Test func anOrderedDictWithMetadataIsAStateDict() throws {
    let file = archive {
      $0.global("collections", "OrderedDict")
      $0.emptyTuple()
      $0.reduce()
      $0.mark()
      $0.text("a")
      $0.tensor(Self.matrix)
      $0.setItems()
      $0.emptyDict()
      $0.text("_metadata")
      $0.emptyDict()
      $0.setItem()
      $0.build()
    }
    #expect(try floats(file) == Self.data)
  }

  @Test func anOrderedDictOfPython2IsAStateDict() throws {
    let file = archive {
      $0.global("collections", "OrderedDict")
      $0.mark()
      $0.emptyList()
      $0.emptyList()
      $0.mark()
      $0.text("a")
      $0.tensor(Self.matrix)
      $0.appends()
      $0.append()
      $0.tuple()
      $0.reduce()
    }
    #expect(try floats(file) == Self.data)
  }

  @Test func theOneNestedStateDictIsUsed() throws {
    let file = try tensorFile(
      archive {
        $0.emptyDict()
        $0.text("epoch")
        $0.integer(3)
        $0.setItem()
        $0.text("model")
        $0.dict([Self.matrix])
        $0.setItem()
      })
    #expect(file.tensors.map(\.name) == ["a"])
    #expect(file.otherEntries == ["epoch"])
  }

  @Test func entriesBesideTensorsAreListed() throws {
    let file = try tensorFile(
      archive {
        $0.dict([Self.matrix])
        $0.text("step")
        $0.integer(3)
        $0.setItem()
        $0.integer(1)
        $0.none()
        $0.setItem()
      })
    #expect(file.tensors.map(\.name) == ["a"])
    #expect(file.otherEntries == ["(key that is an integer)", "step"])
  }

  /// Microsoft's training code keeps the model's configuration in the state, beside the tensors or the dict of them.
  @Test(arguments: [false, true])
  func theConfigurationInAStateIsRead(_ isNested: Bool) throws {
    let file = try tensorFile(
      archive {
        if isNested {
          $0.emptyDict()
          $0.text("model")
          $0.dict([Self.matrix])
          $0.setItem()
        } else {
          $0.dict([Self.matrix])
        }
        $0.text("config")
        $0.emptyDict()
        $0.text("hidden_size")
        $0.integer(768)
        $0.setItem()
        $0.text("relative_attention")
        $0.bool(true)
        $0.setItem()
        $0.text("pooling")
        $0.emptyDict()
        $0.setItem()
        $0.setItem()
      })
    #expect(file.tensors.map(\.name) == ["a"])
    #expect(
      file.configuration
        == .object(["hidden_size": .integer(768), "relative_attention": .bool(true), "pooling": .object([:])]))
  }

  @Test func aConfigurationThatIsNoPlainDataIsNone() throws {
    let file = try tensorFile(
      archive {
        $0.dict([Self.matrix])
        $0.text("config")
        $0.emptyDict()
        $0.text("weights")
        $0.tensor(Self.matrix)
        $0.setItem()
        $0.setItem()
      })
    #expect(file.configuration == nil && file.tensors.count == 1)
  }

  @Test func severalNestedStateDictsAreRefused() {
    let file = archive {
      $0.emptyDict()
      for name in ["model", "average"] {
        $0.text(name)
        $0.dict([Self.matrix])
        $0.setItem()
      }
    }
    #expect(refusal(of: file)?.torch == .ambiguousStateDict(candidates: ["model", "average"]))
  }

  @Test func otherObjectsAreRefused() {
    #expect(refusal(of: archive { $0.tensor(Self.matrix) })?.torch == .notAStateDict(found: "a single tensor"))
    #expect(refusal(of: archive { $0.emptyList() })?.torch == .notAStateDict(found: "a list"))
    #expect(refusal(of: archive { $0.none() })?.torch == .notAStateDict(found: "None"))
  }

  @Test func aNameUsedTwiceIsRefused() {
    guard case .duplicateTensor("a", _)? = refusal(of: archive { $0.dict([Self.matrix, Self.matrix]) }) else {
      Issue.record("a name used twice was accepted")
      return
    }
  }

  @Test func ranksAndNamesAreLimited() {
    #expect(refusal(of: view(Array(repeating: 1, count: 16), Array(repeating: 1, count: 16))) == nil)
    #expect(refusal(of: view(Array(repeating: 1, count: 17), Array(repeating: 1, count: 17)))?.quantity == .rank)
    var matrix = Self.matrix
    matrix.name = String(repeating: "n", count: 4097)
    #expect(refusal(of: archive { $0.dict([matrix]) })?.quantity == .nameBytes)
  }
}
