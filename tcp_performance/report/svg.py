"""matplotlib's pictures as parts of the page: its colours (CSS variables: light, dark, print), its fonts, text as text.

The SVG goes into the page itself, so no identifier may meet another picture's.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

# Stand-ins that matplotlib writes and the page's variables that take their place.
INK, MUTED, SHAPE, FLOOR, TARGET, PEER, PANEL, GRID = (f"#0a0b{index:02x}" for index in range(1, 9))
VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    SHAPE: "--shape",
    FLOOR: "--floor",
    TARGET: "--target",
    PEER: "--peer",
    PANEL: "--panel",
    GRID: "--line",
}
WIDTH = 315.0  # points; a card is wider, so that a point is more than a pixel there
SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "tcp-performance",
    "font.family": "sans-serif",
    "font.size": 9.5,
    "axes.linewidth": 0.8,
}


class Picture:
    """`axes` to draw on; afterwards `svg` is the <svg> element."""

    def __init__(self, axes: Any) -> None:
        self.axes = axes
        self.svg = ""


@contextmanager
def picture(height: float, below: float, label: str, prefix: str, left: float = 0.02) -> Iterator[Picture]:
    """A picture of `height` points above `below` points for the ticks; `left`: the share that the labels there take.

    `label` says in words what it shows; `prefix` keeps its identifiers apart from other pictures'.
    """
    whole = height + below
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH / 72, whole / 72))
        FigureCanvasSVG(figure)
        drawn = Picture(figure.add_axes((left, (below - 4) / whole, 0.98 - left, height / whole)))
        for side in ("left", "right", "top"):
            drawn.axes.spines[side].set_visible(False)
        drawn.axes.spines["bottom"].set_color(MUTED)
        drawn.axes.tick_params(length=3, color=MUTED, labelcolor=MUTED, labelsize=9)
        drawn.axes.set_axisbelow(True)
        yield drawn
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawn.svg = _inline(buffer.getvalue(), label, prefix)


def plate() -> dict[str, Any]:
    """What lies below a text, so that lines do not cross it."""
    return {"facecolor": PANEL, "edgecolor": "none", "pad": 1}


def _inline(svg: str, label: str, prefix: str) -> str:
    """matplotlib's file as a part of the page."""
    body = svg[svg.index("<svg") :]
    view = re.search(r'viewBox="([^"]+)"', body)
    assert view is not None, "matplotlib writes a viewBox"
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<svg\b[^>]*>", "", body, count=1)
    body = re.sub(r"<title>.*?</title>", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="', f'id="{prefix}', body)
    body = re.sub(r'href="#', f'href="#{prefix}', body).replace("xlink:href", "href")
    body = re.sub(r"url\(#", f"url(#{prefix}", body)
    for colour, variable in VARIABLES.items():
        body = body.replace(colour, f"var({variable})")
    body = re.sub(r"font: ([\d.]+)px[^;\"]*|font-family:[^;\"]*", _font, body)
    head = f'<svg class="latency" viewBox="{view.group(1)}" role="img" aria-label="{escape(label)}">'
    return head + body.strip()


def _font(found: re.Match[str]) -> str:
    return f"font-size: {found.group(1)}px" if found.group(1) else "font-family: inherit"
