/// What `adapter-cli help COMMAND` prints.
extension HelpText {
  static let list = #"""
    OVERVIEW: Lists the registered adapters of a base model.

    Examples:
      adapter-cli list
      adapter-cli list --json
      adapter-cli list --method lora --tag production --sort size --reverse
      adapter-cli list --registry other.sqlite --model NAME

    Filters count together; each may be repeated, and then one of its values must
    fit.

    USAGE: adapter-cli list [--method <method> ...] [--head <kind> ...] [--tag <tag> ...] [--active] [--sort <column>] [--reverse] [--model <dir>] [--registry <file.sqlite>] [--json] [--table]

    REGISTRY:
      --model <dir>           A checkpoint's folder, or the name of a registered
                              base model.
      --registry <file.sqlite>
                              The registry to use.

    OUTPUT:
      --json                  Write JSON, as in a pipe.
      --table                 Write a table, as on a terminal.

    OPTIONS:
      --method <method>       Only adapters of a method, such as lora.
      --head <kind>           Only adapters with a kind of head; 'none' is no head.
      --tag <tag>             Only adapters with a tag.
      --active                Only adapters of the active setup.
      --sort <column>         What to sort by. (values: name, method, head,
                              parameters, size, added; default: name)
      --reverse               Sort the other way round.
      -h, --help              Show help information.


    """#

  static let show = #"""
    OVERVIEW: Tells everything that is registered about an adapter.

    Examples:
      adapter-cli show debian-section
      adapter-cli show debian-section --json

    USAGE: adapter-cli show <name> [--model <dir>] [--registry <file.sqlite>] [--json] [--table]

    ARGUMENTS:
      <name>                  The adapter's name.

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

  static let verify = #"""
    OVERVIEW: Reads every registered file again and tells what is not as it was
    entered.

    Examples:
      adapter-cli verify
      adapter-cli verify --json

    Finds files and folders that are missing, changed or added, and folders that
    belong to nothing. Nothing is changed; 'adapter-cli repair' puts right what it
    can. The exit code is 1 if something is found.

    USAGE: adapter-cli verify [--registry <file.sqlite>] [--json] [--table]

    REGISTRY:
      --registry <file.sqlite>
                              The registry to use.

    OUTPUT:
      --json                  Write JSON, as in a pipe.
      --table                 Write a table, as on a terminal.

    OPTIONS:
      -h, --help              Show help information.


    """#

  static let log = #"""
    OVERVIEW: Tells what was changed in the registry, the newest first.

    Examples:
      adapter-cli log
      adapter-cli log --limit 100 --json

    USAGE: adapter-cli log [--limit <n>] [--registry <file.sqlite>] [--json] [--table]

    REGISTRY:
      --registry <file.sqlite>
                              The registry to use.

    OUTPUT:
      --json                  Write JSON, as in a pipe.
      --table                 Write a table, as on a terminal.

    OPTIONS:
      --limit <n>             How many changes at most; 0 is all. (default: 20)
      -h, --help              Show help information.


    """#

  static let summary = #"""
    OVERVIEW: Counts the parameters of a base model and its adapters, as the Python
    library's adapter_summary.

    Examples:
      adapter-cli summary
      adapter-cli summary --model DIR --adapter mine=DIR --json

    The share of an adapter is in percent of the base model's parameters; heads
    count in neither.

    USAGE: adapter-cli summary [--model <dir>] [--registry <file.sqlite>] [--adapter <name=dir> ...] [--setup <expr>] [--json] [--table]

    MODEL:
      --model <dir>           A checkpoint's folder, or the name of a registered
                              base model.
      --registry <file.sqlite>
                              The registry to use.

    OUTPUT:
      --json                  Write JSON, as in a pipe.
      --table                 Write a table, as on a terminal.

    OPTIONS:
      --adapter <name=dir>    An adapter's folder and the name it gets; may be
                              repeated.
      --setup <expr>          The adapters that count as active, such as 'Stack(a,
                              b)'.
      -h, --help              Show help information.


    """#
}
