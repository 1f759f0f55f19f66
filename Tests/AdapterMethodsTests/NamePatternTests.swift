import Testing

@testable import AdapterMethods

@Suite struct NamePatternTests {
  private func matches(_ pattern: String, _ name: String) -> Bool? { NamePattern(pattern)?.matches(name) }

  @Test(arguments: [
    ("query_proj", "query_proj"), ("(.*\\.)?(query_proj)$", "deberta.encoder.layer.0.attention.self.query_proj"),
    ("(.*\\.)?(layer\\.[12]\\..*value_proj)$", "deberta.encoder.layer.2.attention.self.value_proj"),
    (".*(query|value)_proj", "a.value_proj"), ("a{2,3}b?", "aaa"), ("(?:ab)+", "ababab"), ("(?P<n>\\d+)", "120"),
    ("[^.]*\\.\\w+", "layer.x_1"), ("^a.c$", "abc"), ("a*?b+?", "aab"), ("x{3}", "xxx"), ("[a\\-z]+", "a-z"), ("", ""),
    ("[]a]+", "]a"), ("a|", ""),
  ])
  func aNameThatThePatternMeansMatches(_ pattern: String, _ name: String) {
    #expect(matches(pattern, name) == true)
  }

  @Test(arguments: [
    ("query_proj", "deberta.query_proj"), ("(.*\\.)?(query_proj)$", "my_query_proj"),
    ("(.*\\.)?(layer\\.[12]\\..*value_proj)$", "deberta.encoder.layer.0.attention.self.value_proj"), ("a{2,3}", "aaaa"),
    ("a{2,3}", "a"), ("[^.]*", "a.b"), ("\\d+", "1a"), ("a^b", "ab"), ("x{3}", "xx"), ("a.c", "ac"),
  ])
  func anotherNameDoesNot(_ pattern: String, _ name: String) { #expect(matches(pattern, name) == false) }

  @Test(arguments: [
    "(?=a)b", "(?!a)b", "(a)\\1", "(?i)a", "a**", "(a", "a)", "[a", "*a", "a{5,2}", "a{1000}", "\\b", "a++",
  ])
  func whatIsNotUnderstoodIsNotGuessed(_ pattern: String) { #expect(NamePattern(pattern) == nil) }

  /// Backtracking would take 2⁵⁰ steps.
  @Test(arguments: ["(a+)+$", "(a|a)*b", "([a-z.]+)*!", "((((((((a*)*)*)*)*)*)*)*)*b"])
  func noPatternTakesLong(_ pattern: String) {
    #expect(matches(pattern, String(repeating: "a", count: 100) + "c") != true)
  }

  @Test func groupsInGroupsAndLongPatternsEnd() {
    #expect(NamePattern(String(repeating: "(", count: 100_000)) == nil)
    #expect(NamePattern(String(repeating: "(", count: 400) + "a" + String(repeating: ")", count: 400)) == nil)
  }
}
