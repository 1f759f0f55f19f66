#!/usr/bin/env python3
"""Draws what a terminal shows as an SVG: make_demo_picture.py < TEXT > Tools/demo.svg

    script -qc 'stty cols 92; Tools/demo.sh .build/release/adapter-cli' /dev/null | Tools/make_demo_picture.py > Tools/demo.svg
"""
import html, re, sys

text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", sys.stdin.read()).replace("\r", "").rstrip("\n")
lines = text.split("\n")
advance, height, margin = 8.4, 19, 18
width = int(max(map(len, lines)) * advance + 2 * margin)
total = int(len(lines) * height + 2 * margin)
print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{total}" viewBox="0 0 {width} {total}" role="img">')
print("<title>Four adapters of three methods answer the same texts in one pass</title>")
print(f'<rect width="{width}" height="{total}" rx="8" fill="#1b1f24"/>')
print('<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" fill="#d8dee6" xml:space="preserve">')
for number, line in enumerate(lines):
    color = "" if line.startswith("  ") or not line else ' fill="#8fc1ff"'
    if line: print(f'<text x="{margin}" y="{margin + (number + 1) * height - 5}"{color}>{html.escape(line)}</text>')
print("</g>\n</svg>")
