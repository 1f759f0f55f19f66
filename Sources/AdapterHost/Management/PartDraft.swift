internal import Checkpoints
internal import Deberta
internal import Foundation

/// A part of an inspection being collected: what is known is reported even if something fails.
struct PartDraft {
  var facts: [Inspection.Fact] = []
  var needs: [String] = []
  private(set) var tensors: [Inspection.Tensor] = []
  private var missing: [Inspection.MissingTensor] = []

  /// Collects a part; an error of `body` becomes its problem.
  static func part(_ kind: Inspection.Kind, _ body: (inout PartDraft) throws -> Void) -> Inspection.Part {
    var draft = PartDraft()
    let problem = failure { try body(&draft) }
    return Inspection.Part(
      kind: kind, facts: draft.facts, tensors: draft.tensors, missing: draft.missing, needs: draft.needs,
      problem: problem)
  }

  mutating func add(_ name: String, _ value: String) { facts.append(Inspection.Fact(name: name, value: value)) }

  /// Lists the tensors of a file without comparing them.
  mutating func list(_ file: TensorFile) { tensors = file.tensors.map { Inspection.Tensor($0, .unknown) } }

  /// Adds the number of values in the tensors.
  mutating func addParameterCount() {
    let count = tensors.reduce(0) { $0 + $1.shape.reduce(1, *) }
    facts.append(Inspection.Fact(name: "parameters", value: .integer(count)))
  }

  /// Compares a file with the wanted tensors, and tries to load it.
  ///
  /// - Parameters:
  ///   - wanted: every tensor that loading reads.
  ///   - rename: maps a stored name to the naming of the wanted tensors.
  ///   - isLeft: whether an unwanted tensor is known, by its renamed name.
  ///   - read: loads everything, and throws what a user would see.
  /// - Throws: the error of `read`, if it names everything that is wrong, or else an error with counts.
  mutating func compare(
    _ file: TensorFile, with wanted: [WantedTensor], rename: (String) -> String,
    isLeft: (String) -> Bool = { _ in false }, read: () throws -> Void
  ) throws {
    let shapes = Dictionary(wanted.flatMap { item in item.names.map { ($0, item.shape) } }) { first, _ in first }
    tensors = file.tensors.map { stored in
      let name = rename(stored.name)
      guard let needed = shapes[name] else { return Inspection.Tensor(stored, isLeft(name) ? .left : .unexpected) }
      return needed == stored.shape
        ? Inspection.Tensor(stored, .used) : Inspection.Tensor(stored, .misshapen, neededShape: needed)
    }
    let held = Set(file.tensors.map { rename($0.name) })
    missing = wanted.filter { held.isDisjoint(with: $0.names) }
      .map { Inspection.MissingTensor(name: $0.names[0], shape: $0.shape) }
    do { try read() } catch let error as CheckpointError { throw TensorFaults(tensors, missing) ?? error }
    // What was read is used, whatever its name.
    missing = []
    tensors = zip(file.tensors, tensors).map { $1.use == .left ? $1 : Inspection.Tensor($0, .used) }
    for (stored, tensor) in zip(file.tensors, tensors) where tensor.use == .used {
      try stored.requireFinite()
    }
  }
}

/// A tensor to read, with its possible names; the first is the usual one.
struct WantedTensor {
  let names: [String]
  let shape: [Int]

  init(_ names: [String], _ shape: [Int]) { (self.names, self.shape) = (names, shape) }

  init(_ name: String, _ shape: [Int]) { self.init([name], shape) }
}

extension DebertaV2Configuration {
  /// The tensors read for an encoder of this shape.
  var wantedTensors: [WantedTensor] { EncoderLayout(self).tensors.map { WantedTensor($0.name, $0.shape) } }
}

/// Counts of wrong tensors, if there are too many to name.
private struct TensorFaults: Error, CustomStringConvertible {
  let missing, misshapen, unexpected: Int

  /// Nil if the reader's error names everything: a single fault, or unexpected tensors.
  init?(_ tensors: [Inspection.Tensor], _ missing: [Inspection.MissingTensor]) {
    self.missing = missing.count
    misshapen = tensors.count { $0.use == .misshapen }
    unexpected = tensors.count { $0.use == .unexpected }
    guard self.missing + misshapen > 0, self.missing + misshapen + unexpected > 1 else { return nil }
  }

  var description: String {
    let parts = [
      missing == 0 ? nil : "\(counted(missing)) missing",
      misshapen == 0 ? nil : "\(counted(misshapen)) of another shape than is needed",
      unexpected == 0 ? nil : "\(counted(unexpected)) there without a place in the model",
    ]
    return parts.compactMap { $0 }.joined(separator: ", ") + "."
  }

  private func counted(_ count: Int) -> String { count == 1 ? "1 tensor is" : "\(count) tensors are" }
}

/// The error of `body`, as a sentence.
func failure(_ body: () throws -> Void) -> String? {
  do { try body() } catch { return "\(error)" }
  return nil
}

extension ConfigurationFields {
  /// The given members as facts, except for missing, null or empty ones.
  func facts(_ keys: [String], prefix: String = "") -> [Inspection.Fact] {
    keys.compactMap { key in
      guard let value = members[key], value != .null, value != .string("") else { return nil }
      return Inspection.Fact(name: prefix + key, value: value)
    }
  }
}

extension Inspection.Base {
  /// The shape of the encoder.
  var shape: DebertaV2Configuration {
    get throws(ConfigurationError) {
      try DebertaV2Configuration(json: Data(configuration.utf8), file: path + "/config.json")
    }
  }
}
