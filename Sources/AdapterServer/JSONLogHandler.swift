import AdapterHost
import Foundation
import Logging

/// Writes each message as an object on a line of standard error.
struct JSONLogHandler: LogHandler {
  let label: String
  var metadata: Logger.Metadata = [:]
  var metadataProvider: Logger.MetadataProvider?
  var logLevel = Logger.Level.info

  init(label: String) { self.label = label }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let all = metadata.merging(metadataProvider?.get() ?? [:]) { $1 }.merging(event.metadata ?? [:]) { $1 }
    var members = [
      ("time", JSONValue.string(Date().ISO8601Format(.iso8601WithTimeZone(includingFractionalSeconds: true))).line),
      ("level", JSONValue.string(event.level.rawValue).line), ("message", JSONValue.string("\(event.message)").line),
    ]
    for key in all.keys.sorted() { members.append((key, JSONValue.string("\(all[key] ?? "")").line)) }
    FileHandle.standardError.write(Data((JSONLine.object(members) + "\n").utf8))
  }
}
