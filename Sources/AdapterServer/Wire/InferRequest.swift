import AdapterHost
import Foundation
import HTTPTypes
import NIOCore

/// An inference request, in JSON or with binary tensors appended.
struct InferRequest: Sendable {
  struct Output: Sendable {
    let name: String
    let isBinary: Bool?
    /// The number of classes requested.
    let classes: Int?
  }

  let id: String?
  let parameters: Body
  let texts: [String]
  let pairs: [String]?
  let outputs: [String: Output]?
  private let outputNames: [String]?
  private let isBinary: Bool

  init(_ call: Call) throws {
    let bytes = Array(call.bytes.readableBytesView)
    var header = bytes.count
    if let text = call.headers[.inferenceHeaderLength] {
      guard let length = Int(text), (0...bytes.count).contains(length) else {
        throw Fault(
          description: "Inference-Header-Content-Length is '\(text)'; expected a number up to \(bytes.count).")
      }
      header = length
    }
    let body = try Body(Data(bytes[..<header]))
    id = try body.string("id")
    parameters = try body.object("parameters") ?? Body()
    isBinary = try parameters.bool("binary_data_output") ?? false
    var rest = bytes[header...]
    var read: [String: [String]] = [:]
    guard let inputs = body["inputs"]?.elements else {
      throw body.wrong("inputs", body["inputs"], "a list of tensors")
    }
    for input in inputs {
      guard case .object(let members) = input else { throw body.wrong("inputs", input, "a list of tensors") }
      let tensor = Body(members, place: "inputs.")
      let name = try tensor.required("name", tensor.string("name"), "'text' or 'text_pair'")
      guard name == "text" || name == "text_pair", read[name] == nil else {
        throw Fault(description: "There is no further input '\(name)'; expected 'text' and, if wanted, 'text_pair'.")
      }
      read[name] = try Self.texts(of: tensor, name, &rest)
    }
    guard rest.isEmpty else { throw Fault(description: "\(rest.count) bytes follow the tensors of the request.") }
    guard let texts = read["text"] else {
      throw Fault(description: "The input 'text' is missing.", parameter: "inputs")
    }
    self.texts = texts
    pairs = read["text_pair"]
    let wanted = try body["outputs"].map { value -> [Output] in
      guard let elements = value.elements else { throw body.wrong("outputs", value, "a list of objects") }
      return try elements.map { element in
        guard case .object(let members) = element else { throw body.wrong("outputs", value, "a list of objects") }
        let output = Body(members, place: "outputs.")
        let own = try output.object("parameters") ?? Body()
        return Output(
          name: try output.required("name", output.string("name"), "a string"), isBinary: try own.bool("binary_data"),
          classes: try own.integer("classification", atLeast: 0).flatMap { $0 == 0 ? nil : $0 })
      }
    }
    var known: Set<String> = []
    for output in wanted ?? [] where !known.insert(output.name).inserted {
      throw Fault(
        description: "'outputs' names '\(output.name)' twice; each output is given once.", parameter: "outputs")
    }
    outputNames = wanted.flatMap { $0.isEmpty ? nil : $0.map(\.name) }
    outputs = wanted.flatMap { list in
      list.isEmpty ? nil : Dictionary(uniqueKeysWithValues: list.map { ($0.name, $0) })
    }
  }

  /// The texts of an input; binary ones are consumed from the rest of the body.
  private static func texts(of tensor: Body, _ name: String, _ rest: inout ArraySlice<UInt8>) throws -> [String] {
    guard try tensor.string("datatype") == "BYTES" else {
      throw tensor.wrong("datatype", tensor["datatype"], "'BYTES'")
    }
    guard let shape = tensor["shape"]?.integers, shape.allSatisfy({ $0 >= 0 }) else {
      throw tensor.wrong("shape", tensor["shape"], "a list of sizes")
    }
    let (count, overflows) = shape.reduce((1, false)) { product, size in
      let (value, overflow) = product.0.multipliedReportingOverflow(by: size)
      return (value, product.1 || overflow)
    }
    var texts: [String] = []
    if let size = try tensor.object("parameters")?.integer("binary_data_size", atLeast: 0) {
      guard size <= rest.count else {
        throw Fault(description: "'\(name)' has \(size) binary bytes, but \(rest.count) are left in the body.")
      }
      var own = rest.prefix(size)
      rest = rest.dropFirst(size)
      while !own.isEmpty {
        guard own.count >= 4 else { throw Fault(description: "A length in the bytes of '\(name)' is cut off.") }
        let length = own.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        own = own.dropFirst(4)
        guard length <= own.count, let text = String(validating: own.prefix(length), as: UTF8.self) else {
          throw Fault(description: "A text in the bytes of '\(name)' is cut off, or is not UTF-8.")
        }
        texts.append(text)
        own = own.dropFirst(length)
      }
    } else {
      guard let data = tensor["data"], let flat = flattened(data) else {
        throw tensor.wrong("data", tensor["data"], "strings, flat or nested")
      }
      texts = flat
    }
    guard !overflows, count == texts.count else {
      throw Fault(description: "The shape of '\(name)' is \(shape), but there are \(texts.count) texts.")
    }
    return texts
  }

  private static func flattened(_ value: JSONValue) -> [String]? {
    if let text = value.text { return [text] }
    guard let elements = value.elements else { return nil }
    var texts: [String] = []
    for element in elements {
      guard let own = flattened(element) else { return nil }
      texts += own
    }
    return texts
  }

  /// The reply, with binary tensors where requested.
  ///
  /// - Throws: as `AnswerWriter`.
  func reply(
    _ model: String, _ tensors: [(name: String, tensor: WireTensor)], _ writer: AnswerWriter
  ) throws -> Reply {
    var binary: [UInt8] = []
    let rows = try writer.list(tensors) { name, tensor in
      var members = [
        ("name", JSONValue.string(name).line), ("datatype", "\"\(tensor.datatype)\""),
        ("shape", JSONLine.array(tensor.shape.map { "\($0)" })),
      ]
      if outputs?[name]?.isBinary ?? isBinary {
        let own = try tensor.binary(writer)
        binary += own
        members.append(("parameters", JSONLine.object([("binary_data_size", "\(own.count)")])))
      } else {
        members.append(("data", try tensor.json(writer)))
      }
      return JSONLine.object(members)
    }
    let json = JSONLine.object(
      [("model_name", JSONValue.string(model).line), ("model_version", "\"1\"")]
        + (id.map { [("id", JSONValue.string($0).line)] } ?? []) + [("outputs", rows)])
    guard !binary.isEmpty else { return Reply(json: json) }
    var reply = Reply(bytes: Array(json.utf8) + binary, contentType: "application/octet-stream")
    reply.headers[.inferenceHeaderLength] = "\(json.utf8.count)"
    return reply
  }

  /// The requested output names, in order; nil: all.
  var wantedNames: [String]? { outputNames }
}
