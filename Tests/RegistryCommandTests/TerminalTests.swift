import Foundation
import TestSupport
import Testing

/// On a terminal, which `script` of util-linux provides.
@Suite(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/script"), "script is needed for a terminal"))
struct TerminalTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  @Test func `Removing asks, and takes only a yes`() throws {
    #expect(try place.run("add", "old", "--config", "lora[r=1]").exitCode == 0)
    let refused = try place.runOnTerminal("remove", "old", typing: "n\n")
    #expect(refused.contains("Remove 1 item for good? [y/N] "))
    #expect(refused.hasSuffix("Nothing was removed.\n"))
    #expect(try place.runOnTerminal("remove", "old", typing: "\n").hasSuffix("Nothing was removed.\n"))
    #expect(try place.adapters().contains("old"))
    let agreed = try place.runOnTerminal("remove", "old", typing: "y\n")
    #expect(agreed.hasSuffix("Removed old of deberta-v3-tiny-en.\n"))
    #expect(try place.adapters() == Workplace.shipped)
  }

  @Test func `Titles are emphasised, unless NO_COLOR is set or the terminal is dumb`() throws {
    #expect(try place.runOnTerminal("log").hasPrefix("\u{1B}[1mNO.  DATE (UTC)"))
    #expect(try place.runOnTerminal("log", environment: ["NO_COLOR": "1"]).hasPrefix("NO.  DATE (UTC)"))
    #expect(try place.runOnTerminal("log", environment: ["NO_COLOR": ""]).hasPrefix("\u{1B}[1mNO."))
    #expect(try place.runOnTerminal("log", environment: ["TERM": "dumb"]).hasPrefix("NO.  DATE (UTC)"))
  }
}
