import Testing

@testable import Checkpoints

@Suite struct FloatConversionTests {
  private func floats(_ type: ElementType, _ data: [UInt8]) throws -> [Float] {
    let count = data.count / type.byteCount
    let file = try tensorFile(
      safetensors(members: [member("a", "[\(count)]", 0, data.count, type: type.rawValue)], data: data))
    return try #require(file["a"]).floats()
  }

  @Test func everyFloat16IsExact() throws {
    let all = (UInt16.min...UInt16.max).flatMap(bytes)
    let converted = try floats(.float16, all)
    for (bits, value) in zip(UInt16.min...UInt16.max, converted) {
      let expected = Float(Float16(bitPattern: bits))
      let isSame = expected.isNaN ? value.isNaN : value.bitPattern == expected.bitPattern
      if !isSame { Issue.record("\(String(bits, radix: 16)): \(value), not \(expected)") }
    }
  }

  @Test func everyBFloat16IsTheUpperHalfOfAFloat() throws {
    let converted = try floats(
      .bfloat16, [0x3F80, 0xBF80, 0x4049, 0x0001, 0x7F80].flatMap(bytes(_:) as (UInt16) -> [UInt8]))
    #expect(converted == [1, -1, 3.140625, Float(bitPattern: 0x10000), .infinity])
  }

  @Test func float64IsRounded() throws {
    let values = [1.5, -0.1, 1e300, -1e300, 0x1.0000010000001p0]
    #expect(try floats(.float64, values.flatMap { bytes($0.bitPattern) }) == values.map { Float($0) })
    #expect(Float(1e300) == .infinity)
  }

  @Test func integersAreConverted() throws {
    #expect(try floats(.int64, [Int64.min, -1, 0, 1 << 40].flatMap(bytes)) == [-0x1p63, -1, 0, 0x1p40])
    #expect(try floats(.int32, [Int32.min, 7].flatMap(bytes)) == [-0x1p31, 7])
    #expect(try floats(.int16, [Int16.min, 7].flatMap(bytes)) == [-32768, 7])
    #expect(try floats(.int8, [0x80, 0x07]) == [-128, 7])
    #expect(try floats(.uint8, [0x80, 0x07]) == [128, 7])
  }

  @Test func boolIsNoNumber() {
    #expect(throws: CheckpointError.self) { try floats(.bool, [1, 0]) }
  }

  @Test func float32KeepsItsBits() throws {
    let bits: [UInt32] = [0x7FC0_1234, 0x8000_0000, 1, 0x3F80_0001]
    #expect(try floats(.float32, bits.flatMap(bytes)).map(\.bitPattern) == bits)
  }

  @Test func anUnalignedTensorIsReadButNotUsedInPlace() throws {
    let members = [member("a", "[1]", 0, 1, type: "U8"), member("b", "[2]", 1, 9)]
    func padded(_ header: String) -> String {
      header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
    }
    let unaligned = try tensorFile(
      safetensors(padded("{\(members.joined(separator: ","))}"), data: [9] + bytes([1, 2])))
    #expect(unaligned["b"]?.isMappedFloat32 == false)
    #expect(try unaligned["b"]?.floats() == [1, 2])
    let aligned = try tensorFile(safetensors(padded("{\(member("b", "[2]", 0, 8))}"), data: bytes([1, 2])))
    #expect(aligned["b"]?.isMappedFloat32 == true)
  }
}
