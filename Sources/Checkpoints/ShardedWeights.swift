/// The weights of a model in one file, or in several files of limited size with an index.
///
/// Source: huggingface_hub, `serialization/_torch.py`, `split_torch_state_dict_into_shards`.
public enum ShardedWeights {
  /// Writes `model.safetensors`, or `model-00001-of-0000N.safetensors` and `model.safetensors.index.json`.
  ///
  /// - Parameters:
  ///   - tensors: the tensors, in file order.
  ///   - shardSize: the maximum size of a file's tensors in bytes; a larger tensor gets its own file.
  ///   - folder: an existing folder.
  /// - Throws: `CheckpointError`, if a file cannot be written.
  public static func write(
    _ tensors: [OutgoingTensor], shardSize: Int, to folder: String
  ) throws(CheckpointError) {
    var shards: [[OutgoingTensor]] = []
    var free = 0
    for tensor in tensors {
      let size = 4 * tensor.values.count
      if shards.isEmpty || size > free {
        shards.append([])
        free = shardSize
      }
      shards[shards.count - 1].append(tensor)
      free -= size
    }
    guard shards.count > 1 else {
      return try Safetensors.write(tensors, metadata: ["format": "pt"], to: folder + "/model.safetensors")
    }
    var files: [String: JSONValue] = [:]
    for (index, shard) in shards.enumerated() {
      let name = "model-\(fiveDigits(index + 1))-of-\(fiveDigits(shards.count)).safetensors"
      try Safetensors.write(shard, metadata: ["format": "pt"], to: "\(folder)/\(name)")
      for tensor in shard { files[tensor.name] = .string(name) }
    }
    let size = tensors.reduce(0) { $0 + 4 * $1.values.count }
    try JSONValue.object(["metadata": .object(["total_size": .integer(size)]), "weight_map": .object(files)])
      .write(to: folder + "/model.safetensors.index.json")
  }

  private static func fiveDigits(_ number: Int) -> String {
    String(repeating: "0", count: max(0, 5 - "\(number)".count)) + "\(number)"
  }
}
