#!/usr/bin/env python3
"""Lists the circles of files in each target: files whose types name each other, directly or through others.

    Tools/count_circles.py [--longest N]      exit code 1 if a circle has more than N files (3 by default)

A file depends on another if it names a type, a function at file level or an operator's operand type that the other
declares and it does not declare itself. A circle is a strongly connected part of that graph. Names in comments and strings
do not count; a name that two files of a target declare (private ones) counts for neither.
"""
import argparse
import pathlib
import re
import sys

DECLARATION = re.compile(r"^(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|final|indirect|nonisolated)\s+)*"
                         r"(?:struct|class|enum|protocol|actor|typealias|func)\s+(\w+)", re.M)
NOISE = re.compile(r'//[^\n]*|"""(?:.|\n)*?"""|"(?:\\.|[^"\\\n])*"')


def circles(folder):
    """The strongly connected parts with more than one file, by Tarjan's algorithm."""
    texts = {p: NOISE.sub(" ", p.read_text()) for p in sorted(folder.rglob("*.swift"))}
    owner, ambiguous = {}, set()
    for path, text in texts.items():
        for name in set(DECLARATION.findall(text)):
            if name in owner:
                ambiguous.add(name)
            owner[name] = path
    for name in ambiguous:
        del owner[name]
    edges = {p: {owner[w] for w in set(re.findall(r"\b\w+\b", t)) if w in owner} - {p} for p, t in texts.items()}
    index, low, stack, found, counter = {}, {}, [], [], [0]

    def visit(node):
        index[node] = low[node] = counter[0]
        counter[0] += 1
        stack.append(node)
        for other in edges[node]:
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            part = []
            while True:
                part.append(stack.pop())
                if part[-1] == node:
                    break
            if len(part) > 1:
                found.append(sorted(p.name for p in part))

    sys.setrecursionlimit(10_000)
    for node in edges:
        if node not in index:
            visit(node)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--longest", type=int, default=3)
    arguments = parser.parse_args()
    sources = pathlib.Path(__file__).resolve().parent.parent / "Sources"
    longest = 0
    for target in sorted(p for p in sources.iterdir() if p.is_dir()):
        for circle in sorted(circles(target), key=len, reverse=True):
            longest = max(longest, len(circle))
            print(f"{target.name}: {len(circle)} files: {', '.join(circle)}")
    sys.exit(1 if longest > arguments.longest else 0)


if __name__ == "__main__":
    main()
