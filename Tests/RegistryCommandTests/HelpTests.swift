import Testing

/// What `adapter-cli help COMMAND` prints.
enum HelpText {}

@Suite struct HelpTests {
  @Test(arguments: [
    ("list", HelpText.list), ("show", HelpText.show), ("add", HelpText.add), ("rename", HelpText.rename),
    ("tag", HelpText.tag), ("remove", HelpText.remove), ("verify", HelpText.verify), ("repair", HelpText.repair),
    ("log", HelpText.log), ("inspect", HelpText.inspect), ("summary", HelpText.summary), ("merge", HelpText.merge),
    ("completions", HelpText.completions), ("environment", HelpText.environment),
  ])
  func `The whole help of a command is as it was`(_ command: String, _ text: String) throws {
    let place = try Workplace()
    #expect(try place.run("help", command) == .printed(text))
    #expect(try place.run(command, "--help") == .printed(text))
    #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 || $0.hasPrefix("USAGE: ") })
    #expect(text.contains("Example"))
  }
}
