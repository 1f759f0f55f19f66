internal import ArgumentParser

@main
struct AdapterCLI: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "adapter-cli",
    abstract: "DeBERTa-v2 and v3 encoders with many adapters and heads, on a CPU.",
    discussion: """
      Examples:
        adapter-cli predict "A library for reading PDF files."
        adapter-cli list
        adapter-cli activate "Parallel(debian-section, wordnet-domain)"
        adapter-cli predict --model DIR --adapter mine=DIR < texts.txt

      Without --model, --registry, --adapter and --setup the default base, registry.sqlite and the active setup count:
      those of the current folder if it has them, else those that ADAPTER_HOST_REGISTRY names, else those of the
      user's data folder.
      """,
    subcommands: [
      ForwardCommand.self, BenchCommand.self,
    ])
}
