"""SVG by hand: a few shapes on a card that carries its own light and dark. Knows no figures."""

from __future__ import annotations

from html import escape

FONT = "ui-sans-serif, system-ui, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"

# The card has its own background, so that it reads well on any page.
_STYLE = f"""
.card {{ fill: #fffdfa; stroke: #e4ded5; }}
text {{ font-family: {FONT}; fill: #3d3a36; font-size: 13px; }}
.title {{ font-size: 18px; font-weight: 650; fill: #1d1b19; }}
.panel {{ font-size: 14px; font-weight: 650; fill: #1d1b19; }}
.note {{ font-size: 12px; fill: #6f6961; }}
.ours {{ font-weight: 650; fill: #a3271b; }}
.bar {{ fill: #b9b1a6; }} .bar-ours {{ fill: #c0392b; }} .bar-raw {{ fill: #e3dcd2; }}
.grid {{ stroke: #e9e3da; }} .axis {{ stroke: #b9b1a6; }}
.line {{ fill: none; stroke: #9a9287; stroke-width: 2; }} .dot {{ fill: #9a9287; }}
.line-ours {{ fill: none; stroke: #c0392b; stroke-width: 2.5; }} .dot-ours {{ fill: #c0392b; }}
@media (prefers-color-scheme: dark) {{
.card {{ fill: #1b1a18; stroke: #38342f; }}
text {{ fill: #d3cdc4; }} .title, .panel {{ fill: #f4f0ea; }} .note {{ fill: #a19a90; }}
.ours {{ fill: #ff8a75; }}
.bar {{ fill: #6b655d; }} .bar-ours {{ fill: #e2573f; }} .bar-raw {{ fill: #403c37; }}
.grid {{ stroke: #2e2b27; }} .axis {{ stroke: #6b655d; }}
.line {{ stroke: #8d867c; }} .dot {{ fill: #8d867c; }}
.line-ours {{ stroke: #e2573f; }} .dot-ours {{ fill: #e2573f; }}
}}
"""


class Drawing:
    """Shapes in the order they are added; `render` gives the document."""

    def __init__(self, width: int, height: int, title: str, description: str) -> None:
        self._width, self._height = width, height
        self._title, self._description = title, description
        self._shapes: list[str] = []
        self.rect(0.5, 0.5, width - 1, height - 1, "card", radius=10)

    def rect(
        self, x: float, y: float, width: float, height: float, style: str, *, radius: float = 0
    ) -> None:
        """A rectangle."""
        self._shapes.append(
            f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}"'
            f' rx="{_n(radius)}" class="{style}"/>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, style: str) -> None:
        """A straight line."""
        self._shapes.append(
            f'<line x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}" class="{style}"/>'
        )

    def path(self, points: list[tuple[float, float]], style: str) -> None:
        """A line through points."""
        joined = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
        self._shapes.append(f'<polyline points="{joined}" class="{style}"/>')

    def dot(self, x: float, y: float, style: str) -> None:
        """A point."""
        self._shapes.append(f'<circle cx="{_n(x)}" cy="{_n(y)}" r="3.5" class="{style}"/>')

    def text(
        self, x: float, y: float, words: str, style: str = "", *, anchor: str = "start"
    ) -> None:
        """A line of text; `anchor` is start, middle or end."""
        self._shapes.append(
            f'<text x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}" class="{style}">'
            f"{escape(words)}</text>"
        )

    def render(self) -> str:
        """The whole document, with title and description for those who do not see it."""
        size = f'width="{self._width}" height="{self._height}"'
        view = f'viewBox="0 0 {self._width} {self._height}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {view} role="img">'
        title = f"<title>{escape(self._title)}</title><desc>{escape(self._description)}</desc>"
        return "\n".join([head, title, f"<style>{_STYLE}</style>", *self._shapes, "</svg>", ""])


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
