import Files
import Testing

@testable import AdapterRegistry

@Suite struct ItemNameTests {
  @Test(arguments: [
    "a", "debian-section", "sst2_v1.0", "名前", "größe", "x+y", "org:adapter", String(repeating: "a", count: 128),
  ])
  func aPlainNameIsAllowed(_ name: String) throws {
    #expect(try ItemName(name, for: .adapter).text == name)
  }

  @Test(arguments: [
    "", "../x", "/etc/passwd", "a/b", "a\\b", "a\u{0}b", "a\nb", ".hidden", "..", "a..b", "-rf", "a b", "a\u{A0}b",
    "a,b", "f(a)", "a[0]", "a=b", "😀", "a\u{200D}b", "a\u{202E}b", "e\u{301}", "❤\u{FE0F}",
    HostileName(String(repeating: "a", count: 129)), HostileName(String(repeating: "a", count: 300)),
    HostileName(String(repeating: "名", count: 67)),
  ])
  func aHostileNameIsRefusedWithAReason(_ hostile: HostileName) throws {
    let name = hostile.text
    let error = failure { _ = try ItemName(name, for: .adapter) }
    guard case .badName(.adapter, name, let reason) = error else {
      Issue.record("'\(hostile.testDescription)' gave \(String(describing: error))")
      return
    }
    #expect(!reason.isEmpty)
  }

  @Test func aRefusalIsASentenceWithoutControlCharacters() {
    let error = failure { _ = try ItemName("a\u{1B}[31m", for: .adapter) }
    #expect(
      error?.description
        == #"'a\u{1B}[31m' cannot name an adapter: it contains U+001B, which is no letter, digit or punctuation."#)
  }

  @Test func theNearestNamesAreSuggested() {
    let names = ["debian-section", "debian-facets", "truecase", "wordnet-domain"]
    #expect(NearestNames.of("something else", in: names) == [])
    #expect(NearestNames.of("truecsae", in: names) == ["truecase"])
    #expect(NearestNames.of("TRUE", in: names) == ["truecase"])
    #expect(NearestNames.of("debian", in: names) == ["debian-facets", "debian-section"])
  }
}

/// A name that a terminal would not survive, shown with escapes.
struct HostileName: ExpressibleByStringLiteral, CustomTestStringConvertible, Sendable {
  let text: String

  init(stringLiteral text: String) { self.text = text }

  init(_ text: String) { self.text = text }

  var testDescription: String { text.escapedForDisplay }
}
