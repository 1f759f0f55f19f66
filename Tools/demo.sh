#!/bin/sh
# Shows several heads of several adapters answering the same texts in one pass, on a copy of the registry.
set -eu
cli=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp -r Models Adapters registry.sqlite "$folder"
cli=$(cd "$(dirname "$cli")" && pwd)/$(basename "$cli")
cd "$folder"

echo "What is registered:"
"$cli" list --table
echo
echo "Four adapters of three methods, one pass for each text:"
"$cli" predict --table --verbose \
  "A small library for reading and writing PDF files from Python programs." \
  "any of numerous small rodents with pointed snouts and long tails" \
  "miss woodhouse was invited to mr. weston's house in surrey on tuesday"
