import AdapterHost
import Foundation
import Logging

/// Writes each message on a line of standard error: time, level, message, and the metadata as `key=value`.
///
/// What clients send is in some values. One that is more than letters, digits and a few marks is a string of JSON, which
/// escapes control characters and marks of direction, so that it neither acts on a terminal nor looks like another field.
struct TextLogHandler: LogHandler {
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
    let fields = all.keys.sorted().map { "\($0)=\(Self.field("\(all[$0] ?? "")"))" }
    let time = Date().ISO8601Format(.iso8601WithTimeZone(includingFractionalSeconds: true))
    let message = Self.escaped("\(event.message)")
    let line = (["\(time) \(event.level) \(label):", message] + fields).joined(separator: " ")
    FileHandle.standardError.write(Data((line + "\n").utf8))
  }

  /// A value that is one word as it stands, or a string of JSON.
  static func field(_ value: String) -> String {
    let isWord = value.utf8.allSatisfy {
      (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
        || "-_.:/{}".utf8.contains($0)
    }
    return isWord && !value.isEmpty ? value : JSONValue.string(value).line
  }

  /// A text without what acts on a terminal.
  private static func escaped(_ text: String) -> String { String(JSONValue.string(text).line.dropFirst().dropLast()) }
}
