internal import ArgumentParser

struct CompletionsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "completions",
    abstract: "Writes a script with which a shell completes commands and options.",
    discussion: """
      Examples:
        adapter-cli completions bash > ~/.local/share/bash-completion/completions/adapter-cli
        adapter-cli completions zsh > ~/.zfunc/_adapter-cli
        adapter-cli completions fish > ~/.config/fish/completions/adapter-cli.fish
      """)

  enum Shell: String, ExpressibleByArgument, CaseIterable { case bash, zsh, fish }

  @Argument(help: ArgumentHelp("The shell.", valueName: "shell")) var shell: Shell

  func run() {
    let shell: CompletionShell =
      switch shell {
      case .bash: .bash
      case .zsh: .zsh
      case .fish: .fish
      }
    print(AdapterCLI.completionScript(for: shell))
  }
}
