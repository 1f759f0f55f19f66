internal import AdapterMethods
internal import Checkpoints
internal import Deberta
internal import Files
internal import Heads
internal import Model
internal import Tensors
internal import Tokenization

// Whole models in one folder, as written by `save_pretrained` of an adapter model.

extension DebertaV2AdapterModel {
  /// Saves the whole model: `config.json` including adapters, fusions and heads, all tensors in float32, and the
  /// tokenizer's files.
  ///
  /// `DebertaV2AdapterModel(folder:)` and Python's `from_pretrained` can load it.
  ///
  /// The encoder is written in its current state: with the active word embeddings, and a merged adapter as part of the
  /// weights, which is then omitted from the adapters. The set of active adapters and custom heads are not saved.
  ///
  /// - Parameters:
  ///   - folder: new or empty; written completely or not at all.
  ///   - shardSize: the maximum size of a weight file in bytes; a larger tensor gets its own file.
  /// - Throws: `WorkspaceError.folderInUse`; `ModelError.enhancedDecoder` for a head that files cannot describe;
  ///   `CheckpointError`.
  public func savePretrained(to folder: String, shardSize: Int = 5_000_000_000) throws {
    try requireExactWeights(toBe: "saved")
    for (name, head) in heads where head.queryPositions != nil { throw ModelError.enhancedDecoder(head: name) }
    let kept = adapterNames.filter { $0 != mergedAdapter }
    let tensors = try encoderTensors() + adapterTensors(of: kept) + headTensors()
    let configuration = savedConfiguration(adapters: kept)
    try NewFolder.write(folder) { folder in
      try ShardedWeights.write(tensors, shardSize: shardSize, to: folder)
      try JSONValue.object(configuration).write(to: folder + "/config.json")
      guard let source = source.folder else { return }
      for file in AutoTokenizer.files where FileSystem.exists("\(source)/\(file)") {
        try AtomicFile.write(AtomicFile.read("\(source)/\(file)"), to: "\(folder)/\(file)")
      }
    }
  }

  // MARK: Tensors

  /// The encoder's current tensors, and the base's pooler, which heads may use.
  private func encoderTensors() throws -> [OutgoingTensor] {
    var unmerged = self
    unmerged.resetAdapter()
    var changes = mergedAdapter == nil ? [:] : MergedCheckpoint.changes(from: unmerged, to: self)
    changes[EncoderPlace.wordEmbeddings.path(in: configuration.family) + ".weight"] =
      bound.encoder.wordEmbeddings.widened(compute).array
    let ledger = source.ledger
    let pooler =
      ledger.contains("pooler.dense.weight") && heads.values.contains { $0.settings.usesPooler }
      ? ["weight", "bias"].map { "pooler.dense.\($0)" } : []
    let encoder = EncoderLayout(configuration).tensors(in: ledger).map {
      (name: $0.name, shape: $0.shape, stored: EncoderLayout.storedName($0.name))
    }
    let rest = pooler.compactMap { name in ledger.shape(of: name).map { (name: name, shape: $0, stored: name) } }
    return try (encoder + rest).map { name, shape, stored in
      let values = try changes[name] ?? ledger.tensor(name, shape: shape).array
      return OutgoingTensor(name: stored, shape: shape, values: values)
    }
  }

  private func adapterTensors(of names: [String]) -> [OutgoingTensor] {
    let adapters = names.flatMap { name -> [OutgoingTensor] in
      guard let adapter = adapter(name) else { return [] }
      return adapter.parameters.outgoing(named: name)
    }
    return adapters + fusionNames.flatMap { name in fusion(name)?.parameters.outgoing(named: name) ?? [] }
  }

  /// The heads' tensors; a decoder tied to the word embeddings is not written twice.
  private func headTensors() -> [OutgoingTensor] {
    let words = headReader.tiesWords ? bound.encoder.wordEmbeddings : nil
    return headNames.flatMap { name -> [OutgoingTensor] in
      guard let head = heads[name] else { return [] }
      let tied = words.flatMap { head.tiedTensor(to: $0, compute) }
      return head.tensors(compute).filter { $0.name != tied }.map {
        OutgoingTensor(name: "heads.\(name).\($0.name)", shape: $0.shape, values: $0.values)
      }
    }
  }

  // MARK: Configuration

  private func savedConfiguration(adapters names: [String]) -> [String: JSONValue] {
    var members = source.fields.members
    for key in ["torch_dtype", "dtype"] where members[key] != nil { members[key] = .string("float32") }
    members["architectures"] = .array([.string(configuration.family.adapterModelClass)])
    members["model_type"] = .string(configuration.family.rawValue)
    members["vocab_size"] = .integer(configuration.vocabularySize)
    var (identities, configurations): ([String: JSONValue], [String: JSONValue]) = ([:], [:])
    for name in names {
      guard let method = adapter(name)?.method else { continue }
      // Settings with one ID in `adapters` may differ in what it ignores: here each gets a separate ID.
      var id = method.configurationID
      while let other = configurations[id], other != .object(method.settings) { id += "0" }
      identities[name] = .string(id)
      configurations[id] = .object(method.settings)
    }
    var (fusions, fusionConfigurations, fused): ([String: JSONValue], [String: JSONValue], [String: JSONValue]) =
      ([:], [:], [:])
    for name in fusionNames {
      guard let fusion = fusion(name) else { continue }
      let id = fusion.settings.configurationID
      fusions[name] = .string(id)
      // `adapters` knows presets by name.
      if !["dynamic", "static"].contains(id) { fusionConfigurations[id] = .object(fusion.settings.settings) }
      fused[name] = .array(fusion.adapters.map { .string($0) })
    }
    members["adapters"] = .object([
      "adapters": .object(identities), "config_map": .object(configurations), "fusions": .object(fusions),
      "fusion_config_map": .object(fusionConfigurations), "fusion_name_map": .object(fused),
    ])
    members["prediction_heads"] = .object(heads.mapValues { .object($0.settings.members) })
    members[WholeModel.detailsKey] = WholeModel.details(of: heads)
    return members
  }
}
