internal import AdapterHost
internal import ArgumentParser
internal import Foundation

@main
struct AdapterCLI: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "adapter-cli",
    abstract: "DeBERTa-v2 and v3 encoders with many adapters and heads, on a CPU.",
    discussion: """
      Examples:
        adapter-cli predict "A library for reading PDF files."
        adapter-cli predict --model DIR --adapter mine=DIR < texts.txt
        adapter-cli list
        adapter-cli activate "Parallel(debian-section, wordnet-domain)"

      Without --model the default base model of the registry counts, without --adapter and --setup its active setup. \
      Without --registry the registry is registry.sqlite in the current folder, if it is there; else the file that the \
      environment variable ADAPTER_HOST_REGISTRY names; else adapter-host/registry.sqlite in the user's data folder \
      (XDG_DATA_HOME or ~/.local/share).

      Listings and answers are tables on a terminal and JSON Lines in a pipe; --table and --json choose. With --json a \
      listing is one array. What changes something reports it in a sentence, with --json as an object.
      Where a folder of an adapter, a fusion or a head is expected, the name of a registered one may stand. Where a \
      folder is read, hf:ORG/NAME or hf:ORG/NAME@REV of the Hugging Face Hub may stand, or the address of a zip or tar \
      archive; HF_TOKEN, HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE and HF_ENDPOINT are read as huggingface_hub reads them.
      The exit code is 0, 1 if something failed, 64 for a wrong command line, 128 + n after signal n.
      """,
    version: ProgramVersion.current,
    groupedSubcommands: [
      CommandGroup(
        name: "Text",
        subcommands: [
          PredictCommand.self, EmbedCommand.self, SimilarCommand.self, RankCommand.self, TokenizeCommand.self,
        ]),
      CommandGroup(name: "Training", subcommands: [TrainCommand.self, EvaluateCommand.self, CompareCommand.self]),
      CommandGroup(
        name: "Registry",
        subcommands: [
          ListCommand.self, ShowCommand.self, ActivateCommand.self, DeactivateCommand.self, AddCommand.self,
          ImportCommand.self, UpdateCommand.self, ExportCommand.self, PushCommand.self, RenameCommand.self,
          TagCommand.self, RemoveCommand.self,
          SetupsCommand.self, ModelsCommand.self, VerifyCommand.self, RepairCommand.self, LogCommand.self,
        ]),
      CommandGroup(
        name: "Model",
        subcommands: [
          InspectCommand.self, SummaryCommand.self, MergeCommand.self, CombineCommand.self, EjectCommand.self,
          SaveCommand.self, QuantizeCommand.self, ForwardCommand.self, BenchCommand.self,
        ]),
      CommandGroup(name: "Shell", subcommands: [CompletionsCommand.self, EnvironmentCommand.self]),
    ])

  /// Runs the command line and exits.
  ///
  /// Replaces the argument parser's own `main`: everything printed, including help and usage, goes through
  /// ``Terminal``, and output that cannot be written is a failure.
  static func main() {
    LineOutput.reserveStandardDescriptors()
    do { try OpenFileLimit.require() } catch { end(for: error) }
    LineOutput.standard.endsCleanlyOnSignals()
    do {
      let arguments = withEmptyValues(Array(CommandLine.arguments.dropFirst()))
      if let error = UnknownCommand.error(in: arguments, of: Self.self) { throw error }
      var command = try parseAsRoot(arguments)
      if var taking = command as? any ParsableCommand & TakesFolders {
        try taking.changeFolders(FolderAddress.fetch)
        command = taking
      }
      try command.run()
      try LineOutput.standard.flush()
    } catch {
      end(for: error)
    }
    end(with: EXIT_SUCCESS)
  }

  /// The arguments with the empty value of `--name=` as a separate argument; otherwise the parser would take the next
  /// argument as the value.
  static func withEmptyValues(_ arguments: [String]) -> [String] {
    let options = arguments.prefix { $0 != "--" }
    return options.flatMap { argument in
      argument.hasPrefix("--") && argument.firstIndex(of: "=") == argument.indices.last
        ? [String(argument.dropLast()), ""] : [argument]
    } + arguments.dropFirst(options.count)
  }

  /// Exits without running the exit handlers of libraries: when memory is low, OpenBLAS waits there forever for a
  /// thread that tries to allocate.
  private static func end(with code: Int32) -> Never {
    fflush(nil)
    _exit(code)
  }

  private static func end(for error: any Error) -> Never {
    LineOutput.standard.leavesTheEndToASignal()
    let code = exitCode(for: error)
    let message = fullMessage(for: error)
    if code.isSuccess, !message.isEmpty {
      print(message)
    } else if !message.isEmpty {
      Terminal.note(message)
    }
    do { try LineOutput.standard.flush() } catch {
      if code.isSuccess { end(for: error) }
    }
    end(with: code.rawValue)
  }
}
