import AdapterHost
import Foundation
import HTTPTypes
import Hummingbird

/// A parsed request: its sender, the names in it, and its body.
struct Call: Sendable {
  let app: ServerApp
  let headers: HTTPFields
  /// The path's segments, decoded.
  let segments: [String]
  let body: Body
  /// The bytes of the body.
  let bytes: ByteBuffer
  let caller: Caller

  /// The name in the path: `/a/NAME` or `/v2/models/NAME`.
  var pathName: String? {
    guard segments.count > 1 else { return nil }
    if segments[0] == "a" { return segments[1] }
    return segments.count > 2 && segments[0] == "v2" && segments[1] == "models" ? segments[2] : nil
  }

  /// The setup named by path, header and body, which must agree.
  ///
  /// - Parameter names: the names in the body.
  /// - Throws: `Fault` if they disagree; `ServiceError.unknown`.
  func setup(_ names: String?...) throws -> ServedSetup {
    let header = headers[.adapter].map { $0.removingPercentEncoding ?? $0 }
    let all = ([pathName, header] + names).compactMap { $0 }
    if let first = all.first, let other = all.first(where: { $0 != first }) {
      throw Fault(
        kind: .disagreement, description: "Path, header and body name '\(first)' and '\(other)'; expected one name.",
        parameter: "model")
    }
    return try app.service.setup(all.first)
  }

  /// The head requested by the header or the body; nil if unspecified.
  func headName() throws -> String? {
    let named = try body.string("head")
    if let named, let header = headers[.head], header != named {
      throw Fault(
        kind: .disagreement, description: "Header and body name the heads '\(header)' and '\(named)'; expected one.",
        parameter: "head")
    }
    return named ?? headers[.head]
  }

  /// The one head that answers.
  ///
  /// - Throws: `ServiceError.severalHeads`, `ServiceError.unknownHead`, `ServiceError.wrongTask`.
  func head(of setup: ServedSetup) async throws -> TextService.AnsweringHead {
    let heads = try await app.service.answeringHeads(setup)
    if let name = try headName() {
      guard let head = heads.first(where: { $0.name == name }) else {
        throw ServiceError.unknownHead(name: name, heads: heads.map(\.name))
      }
      return head
    }
    guard heads.count == 1 else { throw ServiceError.severalHeads(heads.map(\.name)) }
    return heads[0]
  }

  /// The fairness key, priority and deadline of the request.
  ///
  /// - Parameters:
  ///   - priority: from the body; 0 is urgent, larger values are not.
  ///   - timeout: from the body.
  func terms(_ setup: ServedSetup, priority: Int? = nil, timeout: Duration? = nil) throws -> TextService.Terms {
    var service = ServiceClass.interactive
    if let priority, priority > 0 { service = .bulk }
    if let text = headers[.priority] {
      guard let named = ServiceClass(rawValue: text) else {
        throw Fault(description: "The header x-priority is '\(text)'; expected 'interactive' or 'bulk'.")
      }
      service = named
    }
    var wait = timeout
    if let text = headers[.requestTimeout] {
      guard let milliseconds = Int(text), (1...86_400_000).contains(milliseconds) else {
        throw Fault(description: "The header x-request-timeout-ms is '\(text)'; expected a number of milliseconds.")
      }
      wait = .milliseconds(milliseconds)
    }
    return TextService.Terms(
      key: caller.fairnessKey ?? setup.name, service: service, deadline: .now + (wait ?? app.settings.requestTimeout),
      charge: { [caller] in try caller.charge($0) })
  }

  /// The TEI settings `truncate` and `truncation_direction`.
  func reading() throws -> TextService.Reading {
    var reading = TextService.Reading(truncates: try body.bool("truncate") ?? app.settings.truncates)
    if let direction = try body.string("truncation_direction") {
      switch direction {
      case "right", "Right": break
      case "left", "Left": reading.truncates = false  // Texts are cut at their end alone; a longer one is refused.
      default: throw body.wrong("truncation_direction", body["truncation_direction"], "'left' or 'right'")
      }
    }
    return reading
  }

  func requireCount(_ count: Int, _ name: String = "inputs") throws(Fault) {
    if count == 0 {
      throw Fault(kind: .empty, description: "'\(name)' is empty; expected one text or more.", parameter: name)
    }
    if count > app.settings.maximumInputs {
      throw Fault(
        kind: .batch,
        description: "'\(name)' has \(count) elements; a request may have \(app.settings.maximumInputs).",
        parameter: name)
    }
  }
}
