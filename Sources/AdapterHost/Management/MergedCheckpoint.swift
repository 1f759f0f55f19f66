internal import AdapterMethods
internal import Checkpoints
internal import Deberta
internal import Foundation
internal import Tensors

/// A base model with an adapter merged into its weights, as a checkpoint for transformers.
public enum MergedCheckpoint {
  /// The result of writing.
  public struct Written: Sendable, Hashable {
    /// The number of tensors changed by the adapter.
    public let changedTensors: Int
    /// The location of the adapter's head.
    public let head: HeadPlace
  }

  /// The location of a merged adapter's head.
  public enum HeadPlace: Sendable, Hashable {
    /// The adapter has no head; that of the base model is kept, if there is one.
    case none
    /// In the checkpoint, in the format of this transformers class.
    case inClass(String)
    /// In a separate file, as saved by `adapters`: no transformers class has such layers.
    case beside
  }

  /// Writes `config.json`, `model.safetensors` and the tokenizer's files, with the adapter's head in the format of a
  /// matching transformers class, or in a separate file if there is none.
  ///
  /// Tensors keep their names and become float32. The folder is read back before it is published, to check that its
  /// encoder and head give the same bits as the merged model.
  ///
  /// - Parameters:
  ///   - name: the name of a loaded adapter.
  ///   - model: the model loaded from `source`, with nothing merged.
  ///   - source: the base model's folder.
  ///   - folder: a new or empty folder.
  /// - Throws: `ModelError.notMergeable`, if the adapter depends on the text; `WorkspaceError.folderInUse`;
  ///   `CheckpointError`, if a file cannot be written.
  @discardableResult
  public static func write(
    _ name: String, of model: DebertaV2AdapterModel, from source: String, to folder: String
  ) throws -> Written {
    try model.requireExactWeights(toBe: "written to a merged checkpoint")
    try NewFolder.check(folder)
    let checkpoint = try CheckpointFolder(path: source)
    var merged = model
    try merged.mergeAdapter(name)
    let changes = changes(from: model, to: merged)
    let head = model.head(name)
    let exported = head.flatMap { model.classHead($0, words: nil) }
    try NewFolder.write(folder) { folder in
      try checkpoint.write(replacing: changes, head: exported, to: folder)
      if head != nil, exported == nil { try model.saveHead(name, to: folder) }
      try compare(merged, head: head == nil ? "default" : name, with: folder)
    }
    return Written(
      changedTensors: changes.count,
      head: head == nil ? .none : exported.map { .inClass($0.className) } ?? .beside)
  }

  // MARK: Tensors

  /// The changed weights and biases, by name below `deberta.`
  static func changes(
    from base: DebertaV2AdapterModel, to merged: DebertaV2AdapterModel
  ) -> [String: [Float]] {
    let compute = base.compute
    func values(_ module: EncoderModule?) -> [String: [Float]] {
      switch module {
      case .table(let table)?: [".weight": table.widened(compute).array]
      case .linear(let linear)?:
        [".weight": compute.unpacked(linear.weight).array].merging(
          linear.bias.map { [".bias": $0.array] } ?? [:]
        ) { $1 }
      case .norm(let norm)?: [".weight": norm.gain.array, ".bias": norm.bias.array]
      case .bias(let bias)?: [".bias": bias.array]
      case nil: [:]
      }
    }
    var changes: [String: [Float]] = [:]
    for place in EncoderLayout(base.configuration).places {
      let (old, new) = (base.bound.encoder.module(place), merged.bound.encoder.module(place))
      // Tables are large and rarely changed.
      if case (.table(let own)?, .table(let other)?) = (old, new), own.isSame(as: other) { continue }
      let before = values(old)
      for (suffix, values) in values(new) where values != before[suffix] {
        changes[place.path(in: base.configuration.family) + suffix] = values
      }
    }
    return changes
  }

  // MARK: Check

  private static func compare(_ merged: DebertaV2AdapterModel, head: String, with folder: String) throws {
    let written = try DebertaV2AdapterModel(folder: folder, compute: merged.compute)
    let ids = (0..<48).map { Int32($0 * 7919 % merged.configuration.vocabularySize) }
    func outputs(_ model: DebertaV2AdapterModel, _ head: String) throws -> [[Float]] {
      let output = try model([ids], setup: .composition(nil), heads: model.head(head) == nil ? [] : [head])
      return [output.hiddenStates(row: 0).array] + output.answers.map { $0.output.logits.array }
    }
    guard try outputs(merged, head) == outputs(written, "default") else { throw MergeError.differs(folder: folder) }
  }
}

/// Why a merged checkpoint was not kept.
public enum MergeError: Error, Hashable, Sendable, CustomStringConvertible {
  case differs(folder: String)

  public var description: String {
    switch self {
    case .differs(let folder):
      "The checkpoint that was written to \(folder) does not give the very numbers of the model in memory; it was removed."
    }
  }
}
