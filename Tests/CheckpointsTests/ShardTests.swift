import Testing

@testable import Checkpoints

@Suite struct ShardTests {
  /// A folder with two shards of one tensor each, and this index.
  private func fault(_ index: String, second: String = "b") throws -> CheckpointError? {
    let folder = TemporaryFolder()
    _ = try folder.write(Array("{}".utf8), as: "config.json")
    _ = try folder.write(safetensors(members: [member("a", "[1]", 0, 4)], data: bytes([1])), as: "1.safetensors")
    _ = try folder.write(safetensors(members: [member(second, "[1]", 0, 4)], data: bytes([2])), as: "2.safetensors")
    _ = try folder.write(Array(index.utf8), as: "model.safetensors.index.json")
    do throws(CheckpointError) {
      let weights = try CheckpointFolder(path: folder.path).weights
      #expect(weights.tensors.map(\.name) == ["a", "b"])
      #expect(weights.path.hasSuffix("model.safetensors.index.json"))
      return nil
    } catch {
      return error
    }
  }

  @Test func soundShardsAreOneFile() throws {
    #expect(
      try fault(
        #"{"metadata": {"total_size": 8.0}, "weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}"#) == nil)
  }

  @Test(arguments: [
    "../1.safetensors", "/etc/passwd", "x/1.safetensors", "..", ".", "", #"..\\1.safetensors"#, #"a\u0000"#,
  ])
  func shardNamesThatLeaveTheFolderAreRefused(_ name: String) throws {
    let fault = try fault(#"{"weight_map": {"a": "\#(name)", "b": "2.safetensors"}}"#)
    guard case .notAPlainFileName? = fault?.shardIndex else {
      Issue.record("\(name) was accepted: \(String(describing: fault))")
      return
    }
  }

  @Test func anIndexThatContradictsItsShardsIsRefused() throws {
    #expect(
      try fault(#"{"weight_map": {"a": "1.safetensors", "b": "2.safetensors", "c": "2.safetensors"}}"#)?.shardIndex
        == .notInShard(tensor: "c", shard: "2.safetensors"))
    #expect(
      try fault(#"{"weight_map": {"a": "2.safetensors", "b": "1.safetensors"}}"#)?.shardIndex
        == .notInShard(tensor: "a", shard: "2.safetensors"))
  }

  @Test func aTensorThatTheIndexDoesNotListIsRefused() throws {
    let folder = TemporaryFolder()
    let members = [member("a", "[1]", 0, 4), member("b", "[1]", 4, 8)]
    let shard = try folder.write(safetensors(members: members, data: bytes([1, 2])), as: "1.safetensors")
    let index = try folder.write(Array(#"{"weight_map": {"a": "1.safetensors"}}"#.utf8), as: "index.json")
    #expect(throws: CheckpointError.shardIndex(.notInIndex(tensor: "b", shard: shard), file: index)) {
      try readShards(listedIn: index, folder: folder.path)
    }
  }

  @Test func aTensorInTwoShardsIsRefused() throws {
    guard
      case .duplicateTensor("a", let files)? = try fault(
        #"{"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}"#, second: "a")
    else {
      Issue.record("a tensor in two shards was accepted")
      return
    }
    #expect(files.count == 2)
  }

  @Test func brokenIndexesAreRefused() throws {
    #expect(try fault("{}")?.shardIndex == .noWeightMap)
    #expect(try fault(#"{"weight_map": []}"#)?.json != nil)
    #expect(try fault(#"{"weight_map": {"a": 1}}"#)?.json != nil)
    #expect(
      try fault(#"{"weight_map": {"a": "1.safetensors", "a": "2.safetensors"}}"#)?.json == .duplicateKey("a"))
    guard case .cannotRead? = try fault(#"{"weight_map": {"a": "missing.safetensors"}}"#) else {
      Issue.record("a missing shard was accepted")
      return
    }
  }
}
