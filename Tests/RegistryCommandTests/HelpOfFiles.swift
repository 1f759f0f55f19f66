/// What `adapter-cli help COMMAND` prints.
extension HelpText {
  static let inspect = #"""
    OVERVIEW: Tells what a folder or file of a model, an adapter or a head holds,
    and what of it would be used.

    Examples:
      adapter-cli inspect Models/deberta-v3-tiny-en
      adapter-cli inspect ../trained/sentiment --model deberta-v3-tiny-en
      adapter-cli inspect pytorch_model.bin --json

    Every tensor is listed with its shape and type and with what loading would do
    with it: it is used; it is left, because it is known to belong to something
    else; it is unexpected or misshapen, so that loading fails; or it is unknown,
    because nothing tells. An adapter is tried with the base model that --model
    names, else with the default one of the registry, if there is one. The exit
    code is 1 if something could not be used.

    USAGE: adapter-cli inspect <path> [--model <dir>] [--registry <file.sqlite>] [--json] [--table]

    ARGUMENTS:
      <path>                  A folder, or one file of tensors.

    REGISTRY:
      --model <dir>           A checkpoint's folder, or the name of a registered
                              base model.
      --registry <file.sqlite>
                              The registry to use.

    OUTPUT:
      --json                  Write JSON, as in a pipe.
      --table                 Write a table, as on a terminal.

    OPTIONS:
      -h, --help              Show help information.


    """#

  static let completions = #"""
    OVERVIEW: Writes a script with which a shell completes commands and options.

    Examples:
      adapter-cli completions bash >
    ~/.local/share/bash-completion/completions/adapter-cli
      adapter-cli completions zsh > ~/.zfunc/_adapter-cli
      adapter-cli completions fish > ~/.config/fish/completions/adapter-cli.fish

    USAGE: adapter-cli completions <shell>

    ARGUMENTS:
      <shell>                 The shell. (values: bash, zsh, fish)

    OPTIONS:
      -h, --help              Show help information.


    """#

  static let environment = #"""
    OVERVIEW: Tells which environment variables count, what they are set to, and
    which registry is used.

    ADAPTER_HOST_REGISTRY  The registry, where neither --registry is given nor
                           registry.sqlite lies in the current folder.
    ADAPTER_HOST_KERNELS   The instruction set to compute with: avx512, avx2 or
                           portable; by default the best one.
    XDG_DATA_HOME, HOME    The user's data folder is XDG_DATA_HOME, or else
                           ~/.local/share: adapter-host/registry.sqlite in it
                           is the registry where no other is found.
    NO_COLOR               Set to anything, there are no colours on a terminal;
                           TERM=dumb does the same.

    --registry FILE names the registry and goes before all of them. --model
    DIR|NAME names a checkpoint's folder or a registered base model; without it the
    default base model of the registry counts. Both mean the same in every command.

    Example:
      adapter-cli environment --json

    USAGE: adapter-cli environment [--registry <file.sqlite>] [--json] [--table]

    REGISTRY:
      --registry <file.sqlite>
                              The registry to use.

    OUTPUT:
      --json                  Write JSON, as in a pipe.
      --table                 Write a table, as on a terminal.

    OPTIONS:
      -h, --help              Show help information.


    """#
}
