"""The milliseconds as grouped bars on a logarithmic axis, in SVG."""

import math
from collections.abc import Callable
from xml.sax.saxutils import escape

from .figures import Results, least
from .table import TITLES

COLOURS = {"host": "#d1495b", "host-bf16": "#dd7f8b", "host-int8": "#e8b1b9", "bare": "#9aa0a6", "ort": "#2e6f95", "ort-int8": "#8fbcd4", "torch": "#edae49"}
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 1080, 480, 64, 16, 72, 44
HEADING = "One forward pass, DeBERTa-v3-base shape, fp32 unless said: least milliseconds (lower is better)"
GAP = 0.18
"""The part of a group's width that is left free."""


def svg(forward: Results) -> str:
    """The plot; without any measurement, an empty one."""
    bars = {(shape, name): least(result) for shape, engines in forward.items() for name, result in engines.items()
            if least(result)}
    names = [name for name in TITLES if any(name == other for _, other in bars)]
    shapes = list(forward)
    low = math.floor(math.log10(min(bars.values(), default=1)))
    high = max(math.log10(max(bars.values(), default=10)) + 0.1, low + 0.5)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (math.log10(value) - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
             'font-family="Helvetica, Arial, sans-serif" font-size="12" fill="#333">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
             _text(LEFT, 24, HEADING, "start", 15)]
    parts += _legend(names)
    for power in range(low, math.floor(high) + 1):
        parts += _gridlines(power, 10**high, y)
    for index, shape in enumerate(shapes):
        parts += _group(index, len(shapes), shape, [(name, bars.get((shape, name))) for name in names], y, 10**low)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _text(x: float, y: float, words: str, anchor: str = "middle", size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(words)}</text>'


def _rectangle(x: float, y: float, width: float, height: float, colour: str, title: str = "") -> str:
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}">'
            f"<title>{escape(title)}</title></rect>")


def _legend(names: list[str]) -> list[str]:
    parts, x = [], float(LEFT)
    for name in names:
        parts += [_rectangle(x, 38, 12, 12, COLOURS[name]), _text(x + 18, 48, TITLES[name], "start")]
        x += 46 + 7 * len(TITLES[name])
    return parts


def _gridlines(power: int, top: float, y: Callable[[float], float]) -> list[str]:
    """A line with its number at a power of ten, and fine ones up to the next."""
    parts = [_text(LEFT - 8, y(10**power) + 4, f"{10**power:,}" if power >= 0 else str(10**power), "end")]
    for step in range(1, 10):
        if step * 10**power > top:
            break
        height = y(step * 10**power)
        colour = "#bbb" if step == 1 else "#eee"
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{height:.1f}" y2="{height:.1f}" stroke="{colour}"/>')
    return parts


def _group(index: int, count: int, shape: str, bars: list[tuple[str, float | None]], y: Callable[[float], float],
           bottom: float) -> list[str]:
    """The bars of one shape, each with its number on top."""
    width = (WIDTH - LEFT - RIGHT) / count
    start = LEFT + index * width
    bar = width * (1 - GAP) / len(bars) if bars else 0
    parts = [_text(start + width / 2, HEIGHT - BOTTOM + 20, shape, size=13)]
    for place, (name, value) in enumerate(bars):
        if value is None:
            continue
        x = start + width * GAP / 2 + place * bar
        label = f"{value:.0f}" if value >= 10 else f"{value:.1f}"
        title = f"{TITLES[name]}, {shape}: {label} ms"
        parts += [_rectangle(x, y(value), bar - 1.5, y(bottom) - y(value), COLOURS[name], title),
                  _text(x + bar / 2 - 1, y(value) - 4, label, size=10)]
    return parts
