import AdapterHost
import Foundation
import TestSupport
import Testing

/// `--labels` names the outputs of a head that has no names.
@Suite struct LabelCommandTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  /// An exported adapter whose head has two outputs, `LABEL_0` and `LABEL_1`.
  private func nameless() throws {
    #expect(
      try place.run("add", "plain", "--config", "lora", "--head", "classification", "--labels", "LABEL_0,LABEL_1")
        .exitCode == 0)
    #expect(try place.run("export", "plain", "saved/plain").exitCode == 0)
  }

  @Test func `An imported head without names gets them`() throws {
    try nameless()
    #expect(try place.run("import", "saved/plain", "--as", "named", "--labels", "no,yes").exitCode == 0)
    let answer = try place.run("predict", "a word", "--setup", "named", "--scores", "--json").output
    #expect(answer.contains(#""no": "#) && answer.contains(#""yes": "#) && !answer.contains("LABEL_0"))
    // The folder that was imported is as it was.
    let saved = try place.run("predict", "a word", "--adapter", "x=saved/plain", "--scores", "--json").output
    #expect(saved.contains("LABEL_0"))
  }

  @Test func `Labels of another number, or of a head with names, are refused`() throws {
    try nameless()
    let count = try place.run("predict", "a word", "--setup", "plain", "--labels", "a,b,c").messages
    #expect(count.contains("'plain' has 2"))
    let named = try place.run("import", "Adapters/truecase", "--as", "again", "--labels", "a,b,c").messages
    #expect(named.contains("has names already"))
    #expect(try place.run("predict", "a word", "--setup", "plain", "--labels", "a,b").output.contains("\"label\""))
  }
}
