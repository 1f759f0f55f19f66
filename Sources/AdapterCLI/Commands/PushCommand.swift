internal import AdapterHost
internal import ArgumentParser
internal import Foundation

struct PushCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "push",
    abstract: "Uploads a registered adapter or fusion with its head to the Hugging Face Hub.",
    discussion: """
      Examples:
        adapter-cli push debian-section hf:ORG/debian-section --private
        adapter-cli push debian-section hf:ORG/debian-section --create-pr
        adapter-cli push debian-facets hf:ORG/facets --peft

      HF_TOKEN is a token with write permission. The repository is made if there is none. The files are those of \
      'export'; a model card with the registered metrics is written if the repository has no README.md. All of it is \
      one commit, whose address is printed; nothing is uploaded that the repository has already.
      """)

  @Argument(help: "The name of an adapter or a fusion.") var name: String
  @Argument(help: ArgumentHelp("The repository, and after '@' a branch.", valueName: "hf:org/name")) var address: String
  @Flag(help: "Make a pull request, not a commit to the branch.") var createPr = false
  @Flag(help: "Make the repository private, or refuse a public one.") var `private` = false
  @Option(
    help: ArgumentHelp(
      "The files that the weights go to; by default both, with --peft safetensors.", valueName: "format"))
  var format: WeightFormat?
  @Flag(help: "Upload a folder of Hugging Face's PEFT, for LoRA, IA3 and what came from PEFT.") var peft = false
  @OptionGroup(title: "Registry") var base: BaseArguments
  @OptionGroup(title: "Output") var output: ResultArguments

  func run() throws {
    let address = try HubAddress(address)
    let registry = try Registry.open(at: base.location, for: .reading)
    let item = try registry.item(named: name, of: registry.model(nameOrFolder: base.model).name)
    let hub = try Hub()
    try hub.requireUpload(to: address)
    let place = FileManager.default.temporaryDirectory.path() + "/adapter-host-\(UUID().uuidString)"
    defer { try? FileSystem.remove(place) }
    let folder = "\(place)/\(name)"
    try ExportedFolder.write(item, from: base, to: folder, format, peft: peft)
    let card = HubCard(item, repository: address.repository, endpoint: "\(hub.settings.endpoint)", isPeft: peft)
    try card.text.write(toFile: "\(place)/README.md", atomically: false, encoding: .utf8)
    let files =
      try FileSystem.names(in: folder).map { UploadedFile(name: $0, path: "\(folder)/\($0)") }
      + [UploadedFile(name: "README.md", path: "\(place)/README.md", isOptional: true)]
    let meter = DownloadMeter()
    let (isPrivate, createsPullRequest) = (self.private, createPr)
    let summary = "Upload \(name)"
    let commit = try FolderAddress.waiting {
      try await hub.upload(
        files, to: address, summary: summary, isPrivate: isPrivate, createsPullRequest: createsPullRequest,
        progress: meter.show)
    }
    meter.clear()
    output.report(
      commit.pullRequest ?? commit.address ?? "\(address) has these files already, at \(commit.revision.prefix(7)).",
      .object([
        "name": .string(name), "repository": .string(address.repository), "commit": .string(commit.revision),
        "address": commit.address.map { .string($0) } ?? .null,
        "pull_request": commit.pullRequest.map { .string($0) } ?? .null,
      ]))
  }
}
