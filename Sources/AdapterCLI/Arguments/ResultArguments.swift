internal import AdapterHost
internal import ArgumentParser

/// The report format of commands that change something: a sentence, or JSON.
struct ResultArguments: ParsableArguments {
  @Flag(help: "Report what was done as JSON.") var json = false

  /// Reports one change.
  func report(_ sentence: String, _ object: @autoclosure () throws -> JSONValue) rethrows {
    print(json ? try object().indented : sentence)
  }

  /// Reports several changes in order.
  func report(_ changes: [(sentence: String, object: JSONValue)]) {
    if json {
      print(listed(changes.map(\.object.line), asArray: true), terminator: "")
    } else {
      for change in changes { print(change.sentence) }
    }
  }
}
