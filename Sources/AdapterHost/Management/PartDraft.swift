internal import Checkpoints
internal import Deberta
internal import Foundation

/// A part of an inspection while it is gathered: whatever is known by the time that something fails is told.
struct PartDraft {
  var facts: [Inspection.Fact] = []
  var needs: [String] = []
  private(set) var tensors: [Inspection.Tensor] = []
  private var missing: [Inspection.MissingTensor] = []

  /// The part that `body` gathers; what it throws is the part's problem.
  static func part(_ kind: Inspection.Kind, _ body: (inout PartDraft) throws -> Void) -> Inspection.Part {
    var draft = PartDraft()
    let problem = failure { try body(&draft) }
    return Inspection.Part(
      kind: kind, facts: draft.facts, tensors: draft.tensors, missing: draft.missing, needs: draft.needs,
      problem: problem)
  }

  mutating func add(_ name: String, _ value: String) { facts.append(Inspection.Fact(name: name, value: value)) }

  /// The tensors of a file that nothing is compared with.
  mutating func list(_ file: TensorFile) { tensors = file.tensors.map { Inspection.Tensor($0, .unknown) } }

  /// How many values the tensors have.
  mutating func addParameterCount() {
    let count = tensors.reduce(0) { $0 + $1.shape.reduce(1, *) }
    facts.append(Inspection.Fact(name: "parameters", value: .integer(count)))
  }

  /// Compares a file with what is wanted of it, and tries to read it.
  ///
  /// - Parameters:
  ///   - wanted: every tensor that is read.
  ///   - rename: a stored tensor's name as the wanted ones are named.
  ///   - isLeft: whether a tensor that nobody wants is known, by its new name.
  ///   - read: reads all, and throws what a user would see.
  /// - Throws: what `read` throws, if that names all that is wrong, or else an error that counts it.
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
    // What was read is used, by whatever name.
    missing = []
    tensors = zip(file.tensors, tensors).map { $1.use == .left ? $1 : Inspection.Tensor($0, .used) }
    for (stored, tensor) in zip(file.tensors, tensors) where tensor.use == .used {
      try stored.requireFinite()
    }
  }
}

/// A tensor that is read, by all names that it may have; the first is the usual one.
struct WantedTensor {
  let names: [String]
  let shape: [Int]

  init(_ names: [String], _ shape: [Int]) { (self.names, self.shape) = (names, shape) }

  init(_ name: String, _ shape: [Int]) { self.init([name], shape) }
}

extension DebertaV2Configuration {
  /// What is read of an encoder of this shape.
  var wantedTensors: [WantedTensor] { EncoderLayout(self).tensors.map { WantedTensor($0.name, $0.shape) } }
}

/// More than one sentence about a tensor could say: how many are wrong in which way.
private struct TensorFaults: Error, CustomStringConvertible {
  let missing, misshapen, unexpected: Int

  /// Nil if the reader's own error names everything: a single fault, or tensors that belong to nothing.
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

/// What `body` throws, as a sentence.
func failure(_ body: () throws -> Void) -> String? {
  do { try body() } catch { return "\(error)" }
  return nil
}

extension ConfigurationFields {
  /// Some members as facts; those that are missing, null or empty are left out.
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
