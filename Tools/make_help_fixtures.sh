#!/bin/sh
# Writes the help of every command to Tests/Fixtures/help, as it is shown at 80 columns.
#
#   Tools/make_help_fixtures.sh [.build/release/adapter-cli]
set -eu
cd "$(dirname "$0")/.."
cli=${1:-.build/release/adapter-cli}
folder=Tests/Fixtures/help
export COLUMNS=80
mkdir -p "$folder"
rm -f "$folder"/*.txt

# write NAME COMMAND...: the help of a command, and of those below it
write() {
  name=$1
  shift
  "$cli" "$@" --help > "$folder/$name.txt"
  for sub in $(awk '/SUBCOMMANDS:$/ { on = 1; next } /^[A-Z]/ || /^  See/ { on = 0 } on && /^  [a-z]/ { print $1 }' "$folder/$name.txt"); do
    (write "$name-$sub" "$@" "$sub")
  done
}
write adapter-cli
