#!/bin/sh
# Makes registry.sqlite anew: the base under Models/ and the adapters under Adapters/, all heads answering together.
#
#   Tools/make_registry.sh [.build/release/adapter-cli]
set -eu
cd "$(dirname "$0")/.."
cli=${1:-.build/release/adapter-cli}
rm -f registry.sqlite
"$cli" models register Models/deberta-v3-tiny-en --registry registry.sqlite
for name in debian-section debian-facets truecase wordnet-domain; do
  "$cli" import "Adapters/$name" --registry registry.sqlite
done
"$cli" activate "Parallel(debian-section, debian-facets, truecase, wordnet-domain)" --registry registry.sqlite
