internal import AdapterMethods
internal import Checkpoints
internal import Files
internal import Heads
public import Hub
internal import Tokenization

extension Hub {
  /// The folder that an address stands for, with the files that this library reads.
  ///
  /// ```swift
  /// let fetched = try await Hub().folder(of: "hf:ORG/NAME@main")
  /// try model.loadAdapter(fetched.path, as: fetched.name)
  /// ```
  /// - Parameters:
  ///   - address: `hf:ORG/NAME`, `hf:ORG/NAME@REV`, or the address of a zip or tar archive.
  ///   - progress: hears how far a download is.
  /// - Throws: `HubError`, `FileError`.
  public func folder(
    of address: String, progress: @escaping @Sendable (HubProgress) -> Void = { _ in }
  ) async throws -> FetchedFolder {
    try await folder(of: address, wanted: FetchedFiles.wanted, progress: progress)
  }
}

/// Which files of a repository are downloaded: those of adapters, heads, fusions and setups, of PEFT, and of a
/// checkpoint with its tokenizer; of weights that are there in several formats the one that is read.
enum FetchedFiles {
  /// - Returns: none, if nothing there can be used.
  static func wanted(_ paths: [String]) -> [String] {
    let folders = Dictionary(grouping: paths, by: { FilePaths.parent(of: $0) })
    let root = names(in: folders["."] ?? [])
    var wanted = files(of: root)
    // The parts of a setup lie in folders of their own.
    if root.contains(SavedSetup.configurationFile) {
      for (folder, paths) in folders where folder != "." && !folder.contains("/") {
        wanted += files(of: names(in: paths)).map { "\(folder)/\($0)" }
      }
    }
    guard !wanted.isEmpty else { return [] }
    return wanted + (root.contains("README.md") ? ["README.md"] : [])
  }

  private static func names(in paths: [String]) -> Set<String> { Set(paths.map { FilePaths.lastPart(of: $0) }) }

  /// The files of a part: what shows that it is there, and the weights of which the first is read.
  private static let parts = [
    (marks: [SavedAdapter.configurationFile], weights: SavedAdapter.weightFiles + PeftFolder.weightFiles),
    (marks: [SavedHead.configurationFile], weights: SavedHead.weightFiles),
    (marks: [SavedFusion.configurationFile], weights: SavedFusion.weightFiles),
    (marks: [SavedSetup.configurationFile], weights: []),
    (marks: CheckpointFolder.marks, weights: CheckpointFolder.weightNames),
  ]

  private static func files(of names: Set<String>) -> [String] {
    var files: [String] = []
    for part in parts where part.marks.contains(where: names.contains) {
      files += part.marks.filter(names.contains)
      guard let weights = part.weights.first(where: names.contains) else { continue }
      files.append(weights)
      if weights.hasSuffix(".index.json") { files += shards(of: weights, in: names) }
    }
    guard !files.isEmpty else { return [] }
    return Array(Set(files + (AutoTokenizer.files + [TrainingRecipe.fileName]).filter(names.contains))).sorted()
  }

  /// The files that an index may name: `model-00001-of-00002.safetensors`.
  private static func shards(of index: String, in names: Set<String>) -> [String] {
    let whole = index.dropLast(".index.json".count)
    guard let dot = whole.lastIndex(of: ".") else { return [] }
    let (stem, ending) = (whole[..<dot], whole[dot...])
    return names.filter { $0.hasPrefix(stem + "-") && $0.hasSuffix(ending) }
  }
}
