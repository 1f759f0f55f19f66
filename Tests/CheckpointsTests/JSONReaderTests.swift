import Foundation
import Testing

@testable import Checkpoints

@Suite struct JSONReaderTests {
  private func string(_ json: String) throws -> String {
    var reader = try JSONReader(Array(json.utf8), file: "test")
    let text = try reader.string()
    try reader.finish()
    return text
  }

  private func fault(_ body: () throws -> Void) -> JSONFault? {
    do {
      try body()
      return nil
    } catch { return (error as? CheckpointError)?.json }
  }

  private func fault(skipping json: String) -> JSONFault? {
    fault {
      var reader = try JSONReader(Array(json.utf8), file: "test")
      try reader.skipValue()
      try reader.finish()
    }
  }

  @Test func escapesAreUndone() throws {
    #expect(try string(#" "\"\\\/\b\f\n\r\t" "#) == "\"\\/\u{8}\u{C}\n\r\t")
    #expect(try string(#""\u0041\u00e9\u20AC\ud83d\ude00é""#) == "Aé€😀é")
  }

  @Test(arguments: [#""\x""#, #""\ud83d""#, #""\ud83dx""#, #""\ude00""#, #""\ud83d\u0041""#, #""\u12g4""#])
  func brokenEscapesAreRefused(_ json: String) {
    #expect(fault { _ = try string(json) } == .invalidEscape(at: 1))
  }

  @Test func bareControlCharactersAreRefused() {
    #expect(fault { _ = try string("\"\n\"") } == .controlCharacter(at: 1))
  }

  @Test(arguments: ["\"", "\"a", "\"\\", "\"\\u00", "[1,", "{\"a\"", "{\"a\":", "tru", "  ", "[", "{", "-"])
  func textsThatEndEarlyAreRefused(_ json: String) {
    #expect(fault(skipping: json) != nil)
  }

  @Test(arguments: [
    "0", "-0", "1.5e+3", "true", "false", "null", "[1, [2, {\"a\": {}}], []]", "\"x\"", "1E5", "NaN",
    "[-Infinity, Infinity]", "1e999",
  ])
  func valuesAreSkipped(_ json: String) {
    #expect(fault(skipping: json) == nil)
  }

  @Test(arguments: [
    "01", "1.", ".5", "+1", "1e", "nan", "-NaN", "Inf", "Infinityy", "NaNa", "+Infinity", "inf", "'a'", "[1,]", "{,}",
    "{\"a\":1,}", "nulll", "// x\n1",
  ])
  func otherDialectsAreRefused(_ json: String) {
    #expect(fault(skipping: json) != nil)
  }

  /// As Python's `json` reads and writes them.
  @Test func numbersThatAreNotFiniteAreReadAndWrittenBack() throws {
    let value = try JSONValue(Data(#"{"a": [NaN, -Infinity], "b": {"c": Infinity}, "d": 1e999}"#.utf8), file: "test")
    guard case .object(let members) = value, case .array(let list) = members["a"], case .number(let first) = list[0]
    else {
      Issue.record("\(value)")
      return
    }
    #expect(first.isNaN && list[1] == .number(-.infinity) && members["d"] == .number(.infinity))
    #expect(value.indented.contains("NaN,") && value.indented.contains("-Infinity") && !value.line.contains("NaN"))
  }

  @Test func aNumberThatIsNotFiniteIsHarmlessUntilItIsUsed() throws {
    let fields = try ConfigurationFields(
      JSONValue(Data(#"{"unread": NaN, "eps": NaN, "size": Infinity, "ok": 2}"#.utf8), file: "test"),
      file: "config.json")
    #expect(try fields.number("ok") == 2)
    for key in ["eps", "size"] {
      let error = #expect(throws: ConfigurationError.self) { try fields.number(key) }
      #expect(error?.description.contains("'\(key)' must be a finite number, found") == true)
    }
    #expect(throws: ConfigurationError.self) { try fields.integer("size", in: 1...9) }
  }

  @Test func deepNestingIsRefused() {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    #expect(fault(skipping: nested(32)) == nil)
    #expect(fault(skipping: nested(33)) == .tooDeep(limit: 32))
    #expect(fault(skipping: String(repeating: "[", count: 1_000_000)) == .tooDeep(limit: 32))
    #expect(fault(skipping: String(repeating: "{\"a\":", count: 100_000)) == .tooDeep(limit: 32))
  }
}
