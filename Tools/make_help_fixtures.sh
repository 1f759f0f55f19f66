#!/bin/sh
# Writes the complete help of every command, as it is shown at 80 columns, into Tests/Fixtures/help.
set -eu
cd "$(dirname "$0")/.."
cli=${1:-.build/release/adapter-cli}
folder=Tests/Fixtures/help
rm -rf "$folder"
mkdir -p "$folder"
keep() { # words of a command
  COLUMNS=80 "$cli" help "$@" > "$folder/$(echo adapter-cli "$@" | tr ' ' -).txt"
}
keep
for command in $("$cli" help | sed -n 's/^  \([a-z]\{1,\}\)\( (default)\)\{0,1\}  .*/\1/p'); do keep "$command"; done
for command in list show register default rename remove; do keep models "$command"; done
for command in list save activate remove; do keep setups "$command"; done
