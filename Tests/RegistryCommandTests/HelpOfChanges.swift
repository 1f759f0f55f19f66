/// What `adapter-cli help COMMAND` prints.
extension HelpText {
  static let add = #"""
    OVERVIEW: Makes a fresh adapter with a head and registers it.

    Examples:
      adapter-cli add spam --config "seq_bn[reduction_factor=8]" --head
    classification --labels ham,spam
      adapter-cli add names --config "lora[r=4, attn_matrices=['q', 'k', 'v']]"
    --head tagging --num-labels 5

    A configuration is the name of a preset of the Python library, with changes of
    its fields in brackets. The adapter is published beside the registry like an
    imported one; the same seed gives the same values.

    USAGE: adapter-cli add <name> [--config <preset[field=value, ...]>] [--head <kind>] [--labels <a,b,c>] [--num-labels <n>] [--layers <n>] [--tag <tag> ...] [--notes <text>] [--seed <seed>] [--model <dir>] [--registry <file.sqlite>]

    ARGUMENTS:
      <name>                  What to call it.

    REGISTRY:
      --model <dir>           A checkpoint's folder, or the name of a registered
                              base model.
      --registry <file.sqlite>
                              The registry to use.

    OPTIONS:
      --config <preset[field=value, ...]>
                              A preset with changes. (default: seq_bn)
      --head <kind>           The kind of its prediction head; without it there is
                              none. (values: classification,
                              multilabel_classification, tagging,
                              question_answering, multiple_choice, masked_lm)
      --labels <a,b,c>        The labels of the head, in the order of its outputs.
      --num-labels <n>        How many labels the head has, called LABEL_0,
                              LABEL_1, and so on.
      --layers <n>            Linear layers of the head; by default 2 for texts and
                              1 for tokens.
      --tag <tag>             A tag; may be repeated.
      --notes <text>          Notes.
      --seed <seed>           Where the random values start. (default: 0)
      -h, --help              Show help information.


    """#

  static let rename = #"""
    OVERVIEW: Gives an adapter another name, also in the setups that use it.

    Example:
      adapter-cli rename debian-section section

    Its folder stays where it is; 'export' writes it under the new name.

    USAGE: adapter-cli rename <name> <new-name> [--model <dir>] [--registry <file.sqlite>]

    ARGUMENTS:
      <name>                  What it is called.
      <new-name>              What to call it.

    REGISTRY:
      --model <dir>           A checkpoint's folder, or the name of a registered
                              base model.
      --registry <file.sqlite>
                              The registry to use.

    OPTIONS:
      -h, --help              Show help information.


    """#

  static let tag = #"""
    OVERVIEW: Adds tags to an adapter, takes others away, or lists them.

    Examples:
      adapter-cli tag debian-section production
      adapter-cli tag debian-section --remove production --remove old
      adapter-cli tag debian-section

    'adapter-cli list --tag production' lists the adapters that have a tag.

    USAGE: adapter-cli tag <name> [<tag> ...] [--remove <tag> ...] [--model <dir>] [--registry <file.sqlite>] [--json] [--table]

    ARGUMENTS:
      <name>                  The adapter's name.
      <tag>                   Tags to add.

    REGISTRY:
      --model <dir>           A checkpoint's folder, or the name of a registered
                              base model.
      --registry <file.sqlite>
                              The registry to use.

    OUTPUT:
      --json                  Write JSON, as in a pipe.
      --table                 Write a table, as on a terminal.

    OPTIONS:
      --remove <tag>          A tag to take away; may be repeated.
      -h, --help              Show help information.


    """#

  static let remove = #"""
    OVERVIEW: Forgets adapters and deletes their folders beside the registry.

    Examples:
      adapter-cli remove old-section
      adapter-cli remove old-section old-facets --yes

    It asks first; where nobody can be asked it needs --yes. An adapter that a
    setup uses is not removed, nor is a folder that lies elsewhere.

    USAGE: adapter-cli remove <name> ... [--yes] [--model <dir>] [--registry <file.sqlite>]

    ARGUMENTS:
      <name>                  The adapters' names.

    REGISTRY:
      --model <dir>           A checkpoint's folder, or the name of a registered
                              base model.
      --registry <file.sqlite>
                              The registry to use.

    OPTIONS:
      -y, --yes               Remove without asking.
      -h, --help              Show help information.


    """#

  static let merge = #"""
    OVERVIEW: Writes the base model with an adapter's effect in its weights, as a
    checkpoint.

    Examples:
      adapter-cli merge debian-facets merged/facets
      adapter-cli merge mine merged/mine --model DIR --adapter mine=DIR

    The folder gets config.json, model.safetensors in float32 and the tokenizer's
    files, as transformers loads them, and the adapter's head beside them. It is
    read back and run before it gets its name. Only methods whose effect is a
    change of weights can be merged, such as LoRA, not bottlenecks.

    USAGE: adapter-cli merge <name> <folder> [--adapter <name=dir> ...] [--model <dir>] [--registry <file.sqlite>]

    ARGUMENTS:
      <name>                  The adapter's name.
      <folder>                A new folder.

    REGISTRY:
      --model <dir>           A checkpoint's folder, or the name of a registered
                              base model.
      --registry <file.sqlite>
                              The registry to use.

    OPTIONS:
      --adapter <name=dir>    An adapter's folder and the name it gets; may be
                              repeated.
      -h, --help              Show help information.


    """#

  static let repair = #"""
    OVERVIEW: Puts right what 'verify' finds, as far as nothing can be lost by it.

    Examples:
      adapter-cli repair
      adapter-cli repair --changed accept

    A folder that belongs to nothing becomes an adapter if it holds one for the
    base model, and is moved to Adapters/.quarantine if not. A row whose folder is
    missing gets it back if it is found under another name. What a stopped command
    left is removed; nothing else ever is. The exit code is 1 if something is left.

    USAGE: adapter-cli repair [--changed <action>] [--model <dir>] [--registry <file.sqlite>] [--json] [--table]

    REGISTRY:
      --model <dir>           A checkpoint's folder, or the name of a registered
                              base model.
      --registry <file.sqlite>
                              The registry to use.

    OUTPUT:
      --json                  Write JSON, as in a pipe.
      --table                 Write a table, as on a terminal.

    OPTIONS:
      --changed <action>      What to do with an adapter whose files have changed:
                              move them to Adapters/.quarantine and forget it, or
                              take them as they are. (values: quarantine, accept;
                              default: quarantine)
      -h, --help              Show help information.


    """#
}
