import Testing

@testable import Checkpoints

@Suite struct LegacyPickleTests {
  static let storage = TorchStorage(key: "94", count: 4)
  static let matrix = TorchTensor(name: "a", storage: storage, shape: [2, 2], strides: [1, 2])
  static let object = pickle { $0.dict([matrix], isLegacy: true) }
  static let data = bytes(Int64(4)) + bytes([0, 1, 2, 3])

  private func fault(
    keys: [String] = ["94"], storages: [[UInt8]] = [data], version: Int = 1001, isLittleEndian: Bool = true
  ) -> TorchFault? {
    refusal(
      of: torchPickles(
        Self.object, keys: keys, storages: storages, version: version, isLittleEndian: isLittleEndian))?.torch
  }

  @Test func aSoundFileIsRead() throws {
    let file = try tensorFile(torchPickles(Self.object, keys: ["94"], storages: [Self.data]))
    #expect(try file["a"]?.floats() == [0, 2, 1, 3])
  }

  @Test func otherPicklesAreRefused() {
    #expect(
      refusal(
        of: torchPickles(Self.object, keys: ["94"], storages: [Self.data], magic: pickle { $0.text("some text") }))?
        .torch == .wrongMagic)
    #expect(fault(version: 1002) == .unknownProtocol(1002))
    #expect(fault(isLittleEndian: false) == .notLittleEndian)
  }

  @Test func storagesMustMatchTheirKeys() {
    #expect(fault() == nil)
    #expect(fault(keys: [], storages: []) == .missingStorage(key: "94"))
    #expect(fault(keys: ["95"]) == .unusedStorage(key: "95"))
    #expect(fault(keys: ["94", "94"], storages: [Self.data, Self.data]) == .repeatedStorage(key: "94"))
    #expect(fault(storages: [Self.data + [0]]) == .trailingBytes(1))
    #expect(fault(storages: [Array(Self.data.dropLast())]) == .storagePastEnd(key: "94"))
    #expect(fault(storages: [Array(Self.data.prefix(7))]) == .storagePastEnd(key: "94"))
    for count in [-1, Int.max, Int.max / 4, 5] {
      #expect(fault(storages: [bytes(count) + Self.data.dropFirst(8)]) == .storagePastEnd(key: "94"))
    }
    #expect(
      fault(storages: [bytes(Int64(3)) + bytes([0, 1, 2])]) == .storageSize(key: "94", expected: 16, found: 12))
  }

  @Test func oneStorageHasOneType() {
    var other = Self.matrix
    other.name = "b"
    other.storage.type = "IntStorage"
    let object = pickle { $0.dict([Self.matrix, other], isLegacy: true) }
    #expect(
      refusal(of: torchPickles(object, keys: ["94"], storages: [Self.data]))?.torch == .storageType(key: "94"))
  }

  @Test func keysMustBeAListOfText() {
    let list = pickle { $0.emptyDict() }
    let file = torchPickles(Self.object, keys: [], storages: [])
    let withoutList = Array(
      file.dropLast(
        pickle {
          $0.emptyList()
          $0.mark()
          $0.appends()
        }.count))
    #expect(refusal(of: withoutList + list + Self.data)?.torch == .noStorageKeys)
  }
}
