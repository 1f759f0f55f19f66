internal import AdapterHost
internal import ArgumentParser
internal import Foundation

struct EnvironmentCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "environment",
    abstract: "Shows which environment variables count, what they are set to, and which registry is used.",
    discussion: """
      ADAPTER_HOST_REGISTRY  The registry, where neither --registry is given nor
                             registry.sqlite lies in the current folder.
      ADAPTER_HOST_KERNELS   The instruction set to compute with: avx512, avx2 or
                             portable; by default the best one.
      XDG_DATA_HOME, HOME    The user's data folder is XDG_DATA_HOME, or else
                             ~/.local/share: adapter-host/registry.sqlite in it
                             is the registry where no other is found.
      NO_COLOR               Set and not empty, there are no colours on a terminal;
                             TERM=dumb does the same.

      --registry FILE names the registry and goes before all of them. --model DIR|NAME names a checkpoint's folder or a \
      registered base model; without it the default base model of the registry counts. Both mean the same in every \
      command.

      Example:
        adapter-cli environment --json
      """)

  @OptionGroup(title: "Registry") var registry: RegistryArguments
  @OptionGroup(title: "Output") var output: OutputArguments

  private static let variables = [
    RegistryLocation.variable, "ADAPTER_HOST_KERNELS", "XDG_DATA_HOME", "HOME", "NO_COLOR", "TERM",
  ]

  func run() {
    let environment = ProcessInfo.processInfo.environment
    let location = registry.location
    if output.isTable {
      var details = Details()
      for name in Self.variables { details.add(name, environment[name] ?? "(not set)") }
      details.add("Registry", location.path ?? "none; looked for at \(location.candidates.joined(separator: ", "))")
      print(details.lines(width: Terminal.width).joined(separator: "\n"))
    } else {
      let values = Self.variables.map { ($0, environment[$0].map { JSONValue.string($0) } ?? .null) }
      printObject(
        .object([
          "environment": .object(Dictionary(values) { first, _ in first }),
          "registry": location.path.map { .string($0) } ?? .null,
          "candidates": .array(location.candidates.map { .string($0) }),
        ]), output)
    }
  }
}
