#!/bin/sh
# Builds the documentation of the library into .build/docs, with the toolchain alone; every warning is an error.
# Arguments are those of `swift build`: given the same as the last build, nothing is compiled again.
set -eu
cd "$(dirname "$0")/.."
swift build -c release --target AdapterHost "$@" >&2
products=$(swift build -c release --show-bin-path "$@")
graphs=.build/docs-symbols
rm -rf "$graphs" .build/docs
mkdir -p "$graphs"

# The C modules that the compiled Swift modules name.
set -- -I "$products/Modules"
checkouts=$products/../../checkouts
for map in "$products"/C*.build/module.modulemap Sources/*/module.modulemap \
  "$checkouts"/GRDB.swift/Sources/GRDBSQLite/module.modulemap "$checkouts"/swift-*/Sources/*/include/module.modulemap; do
  if [ -f "$map" ]; then set -- "$@" -Xcc "-fmodule-map-file=$map"; fi
done
for flag in $(pkg-config --cflags openblas 2>/dev/null || :); do set -- "$@" -Xcc "$flag"; done

# Every Swift module but the programs. All are converted together, so that pages of one can name symbols of another.
triple=$(swiftc -print-target-info | sed -n 's/.*"unversionedTriple": "\(.*\)".*/\1/p')
for folder in Sources/*/; do
  module=$(basename "$folder")
  [ "$module" != AdapterCLI ] && [ "$module" != AdapterServer ] && [ -n "$(find "$folder" -name '*.swift' -print -quit)" ] || continue
  swift-symbolgraph-extract -module-name "$module" -target "$triple" "$@" \
    -minimum-access-level public -omit-extension-block-symbols -output-dir "$graphs"
done

docc convert Sources/AdapterHost/AdapterHost.docc --additional-symbol-graph-dir "$graphs" \
  --fallback-display-name AdapterHost --fallback-default-module-kind Module \
  --output-dir .build/docs --warnings-as-errors
echo "The documentation is in .build/docs: preview it with any web server, at /documentation/adapterhost."
