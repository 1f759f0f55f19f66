import Testing

@testable import Checkpoints

/// Named after the tests of the reference reader, safetensors/src/tensor.rs.
@Suite struct SafetensorsAttackTests {
  static let data = [UInt8](repeating: 0, count: 8)

  @Test func aSoundFileIsRead() throws {
    let file = try tensorFile(safetensors(members: [member("a", "[2]", 0, 8)], data: bytes([1, 2])))
    #expect(file.tensors.map(\.name) == ["a"])
    #expect(try file["a"]?.floats() == [1, 2])
    #expect(file["b"] == nil)
  }

  @Test(arguments: [0, 1, 7])
  func aHeaderTooSmallIsRefused(_ count: Int) {
    #expect(refusal(of: Array(repeating: 0, count: count))?.safetensors == .tooShort(bytes: count))
  }

  @Test func aHeaderTooLargeIsRefused() {
    #expect(refusal(of: bytes(UInt64(100_000_000)) + [0x7B])?.safetensors != nil)
    for length in [UInt64(100_000_001), UInt64(Int.max), .max] {
      #expect(
        refusal(of: bytes(length) + [0x7B])?.safetensors
          == .headerTooLarge(length: length, limit: 100_000_000))
    }
  }

  @Test func aHeaderPastTheEndIsRefused() {
    #expect(refusal(of: bytes(UInt64(3)) + Array("{}".utf8))?.safetensors == .headerPastEnd(length: 3, available: 2))
    #expect(refusal(of: bytes(UInt64(2)) + Array("{}".utf8)) == nil)
  }

  @Test func aHeaderThatIsNotUTF8IsRefused() {
    #expect(refusal(of: bytes(UInt64(1)) + [0xFF])?.json == .notUTF8)
    #expect(refusal(of: safetensors(members: ["\"__metadata__\":{\"ü\":\"ß\"}"], data: [])) == nil)
  }

  @Test func aHeaderThatIsNotJSONIsRefused() {
    #expect(refusal(of: safetensors("{"))?.json == .endsEarly)
    #expect(refusal(of: safetensors(""))?.json == .endsEarly)
    #expect(refusal(of: safetensors("[]"))?.json == .unexpected(byte: 0x5B, expected: "'{'", at: 0))
    #expect(refusal(of: safetensors("{} x"))?.json == .trailingText(at: 3))
  }

  @Test func whiteSpaceAroundTheHeaderIsAccepted() throws {
    #expect(try tensorFile(safetensors("  \n{}  ")).tensors.isEmpty)
  }

  @Test func aJSONAttackOfManyTensorsOnTheSameBytesIsRefused() {
    let members = (0..<10).map { member("tensor_\($0)", "[2]", 0, 8) }
    #expect(
      refusal(of: safetensors(members: members, data: Self.data))?.safetensors
        == .overlap(with: "tensor_1", begin: 0, expected: 8))
  }

  @Test func anIncompleteBufferIsRefused() {
    let members = [member("a", "[2]", 0, 8)]
    #expect(refusal(of: safetensors(members: members, data: Self.data)) == nil)
    #expect(
      refusal(of: safetensors(members: members, data: Array(Self.data.dropLast())))?.safetensors
        == .dataLength(expected: 8, found: 7))
  }

  @Test func trailingBytesAreRefused() {
    #expect(
      refusal(of: safetensors(members: [member("a", "[2]", 0, 8)], data: Self.data + [0]))?.safetensors
        == .dataLength(expected: 8, found: 9))
    #expect(refusal(of: safetensors("{}", data: [0]))?.safetensors == .dataLength(expected: 0, found: 1))
  }

  @Test func aHoleIsRefused() {
    let hole = [member("a", "[1]", 0, 4), member("b", "[1]", 8, 12)]
    #expect(
      refusal(of: safetensors(members: hole, data: Self.data + Self.data))?.safetensors
        == .gap(before: "b", begin: 8, expected: 4))
    #expect(
      refusal(of: safetensors(members: [member("a", "[1]", 4, 8)], data: Self.data))?.safetensors
        == .gap(before: "a", begin: 4, expected: 0))
  }

  @Test func overlappingOffsetsAreRefused() {
    let members = [member("a", "[2]", 0, 8), member("b", "[1]", 4, 8)]
    #expect(
      refusal(of: safetensors(members: members, data: Self.data))?.safetensors
        == .overlap(with: "b", begin: 4, expected: 8))
  }

  @Test func reversedOffsetsAreRefused() {
    #expect(
      refusal(of: safetensors(members: [member("a", "[0]", 8, 4)], data: Self.data))?.safetensors
        == .offsetsReversed(tensor: "a", begin: 8, end: 4))
  }

  @Test func tensorsMayBeListedInAnyOrder() throws {
    let members = [member("b", "[1]", 4, 8), member("a", "[1]", 0, 4)]
    let file = try tensorFile(safetensors(members: members, data: bytes([1, 2])))
    #expect(try file["a"]?.floats() == [1])
    #expect(try file["b"]?.floats() == [2])
    #expect(file.tensors.map(\.name) == ["a", "b"])
  }

  @Test func aSizeThatDoesNotFitTheShapeIsRefused() {
    #expect(
      refusal(of: safetensors(members: [member("a", "[3]", 0, 8)], data: Self.data))?.safetensors
        == .sizeMismatch(tensor: "a", shape: [3], type: .float32, expected: 12, found: 8))
  }

  @Test(arguments: [
    [9_223_372_036_854_775_807, 4], [2_305_843_009_213_693_952], [4_294_967_296, 4_294_967_296],
    [4_294_967_296, 4_294_967_296, 0],
  ])
  func validationOverflowIsRefused(_ shape: [Int]) {
    #expect(
      refusal(of: safetensors(members: [member("a", "\(shape)", 0, 8)], data: Self.data))?.safetensors
        == .sizeOverflow(tensor: "a", shape: shape, type: .float32))
  }

  @Test func countsBeyondIntegersAreRefused() {
    for shape in ["[9223372036854775808]", "[-1]", "[1.0]", "[1e3]", "[01]", "[\"1\"]", "[null]"] {
      #expect(
        refusal(of: safetensors(members: [member("a", shape, 0, 8)], data: Self.data))?.json
          == .notACount(at: 29), "\(shape)")
    }
  }

  @Test func duplicateKeysAreRefused() {
    let twice = [member("a", "[1]", 0, 4), member("a", "[1]", 4, 8)]
    #expect(refusal(of: safetensors(members: twice, data: Self.data))?.json == .duplicateKey("a"))
    let escaped = [member("a", "[1]", 0, 4), member("\\u0061", "[1]", 4, 8)]
    #expect(refusal(of: safetensors(members: escaped, data: Self.data))?.json == .duplicateKey("a"))
    let field = "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[0,8]}}"
    #expect(refusal(of: safetensors(field, data: Self.data))?.json == .duplicateKey("dtype"))
    let metadata = "{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}"
    #expect(refusal(of: safetensors(metadata))?.json == .duplicateKey("k"))
  }

  @Test func metadataThatIsNotTextIsRefused() throws {
    #expect(try tensorFile(safetensors("{\"__metadata__\":{\"k\":\"1\"}}")).metadata == ["k": "1"])
    #expect(refusal(of: safetensors("{\"__metadata__\":{\"k\":1}}"))?.json != nil)
    #expect(refusal(of: safetensors("{\"__metadata__\":{\"k\":null}}"))?.json != nil)
    #expect(refusal(of: safetensors("{\"__metadata__\":[]}"))?.json != nil)
  }

  @Test func anUnknownTypeIsRefusedByName() {
    guard
      case .unknownElementType("a", "F8_E5M2", _)? =
        refusal(of: safetensors(members: [member("a", "[8]", 0, 8, type: "F8_E5M2")], data: Self.data))
    else {
      Issue.record("an unknown type was accepted")
      return
    }
  }

  @Test func missingAndUnknownFieldsAreRefused() {
    func fault(_ entry: String) -> SafetensorsFault? {
      refusal(of: safetensors("{\"a\":\(entry)}", data: Self.data))?.safetensors
    }
    #expect(fault("{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[0,8]}") == nil)
    #expect(fault("{\"shape\":[],\"data_offsets\":[0,8]}") == .missingField(tensor: "a", field: "dtype"))
    #expect(fault("{\"dtype\":\"F64\",\"data_offsets\":[0,8]}") == .missingField(tensor: "a", field: "shape"))
    #expect(fault("{\"dtype\":\"F64\",\"shape\":[]}") == .missingField(tensor: "a", field: "data_offsets"))
    #expect(fault("{\"x\":1}") == .unknownField(tensor: "a", field: "x"))
    #expect(
      fault("{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[0]}") == .offsetsNotAPair(tensor: "a", found: 1))
    #expect(
      fault("{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[0,4,8]}") == .offsetsNotAPair(tensor: "a", found: 3))
  }

  @Test func zeroSizesAndScalarsAreLegal() throws {
    let members = [member("empty", "[3,0]", 0, 0), member("scalar", "[]", 0, 4), member("none", "[0]", 4, 4)]
    let file = try tensorFile(safetensors(members: members, data: bytes([7])))
    #expect(try file["empty"]?.floats() == [])
    #expect(file["empty"]?.shape == [3, 0])
    #expect(try file["scalar"]?.floats() == [7])
    #expect(file["scalar"]?.elementCount == 1)
    #expect(try file["none"]?.floats() == [])
  }

  @Test func longNamesAndHighRanksAreRefused() {
    func quantity(_ name: String, _ shape: [Int]) -> CheckpointError.Quantity? {
      refusal(of: safetensors(members: [member(name, "\(shape)", 0, 4)], data: bytes([1])))?.quantity
    }
    #expect(quantity(String(repeating: "n", count: 4096), Array(repeating: 1, count: 16)) == nil)
    #expect(quantity(String(repeating: "n", count: 4097), [1]) == .nameBytes)
    #expect(quantity("a", Array(repeating: 1, count: 17)) == .rank)
  }

  @Test func aFileThatIsNoCheckpointIsNamedForWhatItIs() {
    let pointer = Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n".utf8)
    guard case .gitLFSPointer? = refusal(of: pointer) else {
      Issue.record("a Git LFS pointer was not recognised")
      return
    }
    #expect(refusal(of: Array("<!DOCTYPE html>".utf8))?.safetensors != nil)
  }
}
