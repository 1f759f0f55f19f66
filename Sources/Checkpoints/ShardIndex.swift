import FoundationEssentials

/// Opens the shards listed in an index as one file.
///
/// The index is the JSON that `save_pretrained` writes with the shards of a large model: `weight_map` contains each
/// tensor's file, which must be a plain file name in the same folder. The shards must match the index exactly, with
/// each tensor once.
///
/// - Throws: ``CheckpointError/shardIndex(_:file:)``, ``CheckpointError/duplicateTensor(name:files:)`` for a tensor in
///   two shards, and the errors of reading a file.
func readShards(listedIn index: String, folder: String) throws(CheckpointError) -> TensorFile {
  let map = try weightMap(of: index)
  let shards = Set(map.values).sorted()
  guard shards.count <= Limits.shards else {
    throw .overLimit(.shards, found: shards.count, limit: Limits.shards, file: index)
  }
  for shard in shards where !isPlainFileName(shard) {
    throw .shardIndex(.notAPlainFileName(shard), file: index)
  }

  var tensors: [StoredTensor] = []
  var metadata: [String: String] = [:]
  var otherEntries: Set<String> = []
  for shard in shards {
    let file = try TensorFile(path: "\(folder)/\(shard)")
    tensors += file.tensors
    metadata.merge(file.metadata) { first, _ in first }
    otherEntries.formUnion(file.otherEntries)
    guard tensors.count <= Limits.tensors else {
      throw .overLimit(.tensors, found: tensors.count, limit: Limits.tensors, file: index)
    }
  }
  let all = try TensorFile(path: index, tensors: tensors, metadata: metadata, otherEntries: Array(otherEntries))

  for (tensor, shard) in map.sorted(by: { $0.key < $1.key }) where all[tensor]?.file != "\(folder)/\(shard)" {
    throw .shardIndex(.notInShard(tensor: tensor, shard: shard), file: index)
  }
  for tensor in all.tensors where map[tensor.name] == nil {
    throw .shardIndex(.notInIndex(tensor: tensor.name, shard: tensor.file), file: index)
  }
  return all
}

/// The index's map from tensor to shard.
private func weightMap(of index: String) throws(CheckpointError) -> [String: String] {
  var map: [String: String]?
  var reader = try JSONReader(Array(AtomicFile.read(index)), file: index)
  try reader.object { (reader, key) throws(CheckpointError) in
    guard key == "weight_map" else { return try reader.skipValue() }
    var shards: [String: String] = [:]
    try reader.object { (reader, tensor) throws(CheckpointError) in shards[tensor] = try reader.string() }
    map = shards
  }
  try reader.finish()
  guard let map else { throw .shardIndex(.noWeightMap, file: index) }
  return map
}

private func isPlainFileName(_ name: String) -> Bool {
  !name.isEmpty && name != "." && name != ".." && !name.utf8.contains { [0x00, 0x2F, 0x5C].contains($0) }
}
