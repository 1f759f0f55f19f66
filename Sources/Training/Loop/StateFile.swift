internal import Checkpoints
internal import FoundationEssentials
internal import Tensors

/// The complete state for resuming a run, in one safetensors file.
///
/// - `parameter/NAME`, `best/NAME`: the current values, and those of the best evaluation, if kept.
/// - `optimizer/NAME/SLOT`: the optimizer's state.
/// - metadata: `format`, and as JSON `state` (``RunState``) and `fingerprint`, a string for each fact that the run
///   depends on.
///
/// A single file can be replaced by one rename: the disk has either the old or the new state, whenever the process is
/// killed.
struct StateFile {
  static let name = "training-state.safetensors"
  static let format = "1"

  let path: String
  let fingerprint: [String: String]
  let parameters: [TrainedParameter]

  /// Writes the state, by ``AtomicFile``.
  func write(_ state: RunState, _ optimizer: Optimizer, best: [[Float]]?) throws(TrainingError) {
    var tensors = parameters.map {
      OutgoingTensor(name: "parameter/\($0.name)", shape: $0.value.shape, values: $0.value.array)
    }
    if let best {
      tensors += zip(parameters, best).map {
        OutgoingTensor(name: "best/\($0.name)", shape: $0.value.shape, values: $1)
      }
    }
    tensors += optimizer.tensors.map {
      OutgoingTensor(name: "optimizer/\($0.name)", shape: $0.shape, values: $0.values)
    }
    let metadata = [
      "format": Self.format, "state": state.object.line,
      "fingerprint": JSONValue.object(fingerprint.mapValues { .string($0) }).line,
    ]
    do throws(CheckpointError) { try Safetensors.write(tensors, metadata: metadata, to: path) } catch {
      throw .checkpoint(error)
    }
  }

  /// Settings that may differ on resumption, so that a step that diverged can be repeated with a smaller one.
  private static let adjustable: Set = ["learning_rate", "clip_norm"]

  /// Reads the state into the parameters and the optimizer; changes nothing if it cannot be used.
  ///
  /// - Returns: the state, the values of the best evaluation, and the settings that differ.
  /// - Throws: `anotherRun` if the fingerprints differ in more than the allowed settings, `brokenState`, and
  ///   `checkpoint` for a file that is broken or has other tensors.
  func read(
    into optimizer: Optimizer
  ) throws(TrainingError) -> (state: RunState, best: [[Float]]?, changes: [TrainingError.Difference]) {
    do {
      let file = try TensorFile(path: path)
      guard file.metadata["format"] == Self.format else {
        throw TrainingError.brokenState(
          reason: "its format is \(file.metadata["format"] ?? "not named"), where \(Self.format) is read", path: path)
      }
      let differences = try self.differences(from: strings("fingerprint", of: file))
      let others = differences.filter { !Self.adjustable.contains($0.name.replacing("objective.", with: "")) }
      guard others.isEmpty else { throw TrainingError.anotherRun(differences: others, path: path) }

      let state = try RunState(json("state", of: file), file: path)
      let values = try read("parameter", of: file)
      let best = SavedTensors(file, under: "best").isEmpty ? nil : try read("best", of: file)
      try optimizer.restore(from: SavedTensors(file, under: "optimizer"))
      for (parameter, values) in zip(parameters, values) { parameter.value.set(values) }
      return (state, best, differences.filter { Self.adjustable.contains($0.name) })
    } catch let error as TrainingError {
      throw error
    } catch let error as ConfigurationError {
      throw .brokenState(reason: "\(error)", path: path)
    } catch let error as CheckpointError {
      throw .checkpoint(error)
    } catch {
      throw .brokenState(reason: "\(error)", path: path)
    }
  }

  /// The values of every parameter, in order.
  private func read(_ kind: String, of file: TensorFile) throws -> [[Float]] {
    var saved = SavedTensors(file, under: kind)
    let values = try parameters.map { try saved.take($0.name, shape: $0.value.shape) }
    try saved.finish()
    return values
  }

  private func json(_ key: String, of file: TensorFile) throws -> JSONValue {
    guard let text = file.metadata[key] else {
      throw TrainingError.brokenState(reason: "'\(key)' is missing from its metadata", path: path)
    }
    return try JSONValue(Data(text.utf8), file: path)
  }

  private func strings(_ key: String, of file: TensorFile) throws -> [String: String] {
    try ConfigurationFields(json(key, of: file), file: path).members.mapValues {
      if case .string(let text) = $0 { text } else { $0.line }
    }
  }

  private func differences(from saved: [String: String]) -> [TrainingError.Difference] {
    Set(saved.keys).union(fingerprint.keys).sorted().compactMap { name in
      saved[name] == fingerprint[name]
        ? nil : TrainingError.Difference(name: name, saved: saved[name], now: fingerprint[name])
    }
  }
}

extension TrainingSettings {
  /// The settings that determine the result of a run, as text; saving locations and intervals are excluded.
  var fingerprint: [String: String] {
    guard case .object(let members) = object else { return [:] }
    return members.filter { $0.key != "save_every" }.mapValues(\.line)
  }
}
