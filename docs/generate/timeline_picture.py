"""docs/images/timeline*.svg: a revoked token at three verifiers. Draws nothing else.

One table a language. Each row is a verifier, each bar a stretch in which it accepts the token or
refuses it. The colours are those of the other pictures, for light and dark.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

FOLDER = Path("docs/images")

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW = 920, 232, 890, 96, 74
_CLICK, _BOUND, _EXPIRY = 0.16, 0.72, 0.93  # moments, as parts of the axis


@dataclass(frozen=True, slots=True)
class Stretch:
    """From one moment to another: accepted, refused, or refused for want of news."""

    start: float
    end: float
    style: str
    words: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One verifier: what it is, how it is, and what it does."""

    name: str
    how: str
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """A language's words."""

    name: str
    title: str
    moments: tuple[str, str, str]
    lanes: tuple[Lane, ...]


def _lanes(words: tuple[tuple[str, str], ...], told: dict[str, str]) -> tuple[Lane, ...]:
    stretches = (
        (
            Stretch(0, _CLICK + 0.012, "yes", told["accepts"]),
            Stretch(_CLICK + 0.012, 1, "no", told["revoked"]),
        ),
        (
            Stretch(0, _BOUND, "yes", told["accepts old"]),
            Stretch(_BOUND, 1, "wait", told["unavailable"]),
        ),
        (
            Stretch(0, _EXPIRY, "yes", told["accepts by choice"]),
            Stretch(_EXPIRY, 1, "no", told["expired"]),
        ),
    )
    return tuple(
        Lane(name, how, found) for (name, how), found in zip(words, stretches, strict=True)
    )


ENGLISH = Timeline(
    "timeline.svg",
    "A revoked token is refused within milliseconds by a connected verifier, and by one that is cut"
    " off when its view is too old; one that was told to accept refuses it when it expires.",
    ("the click", "max_status_age after the last news", "exp"),
    _lanes(
        (
            ("connected", "follows the stream"),
            ("cut off", 'on_stale="refuse"'),
            ("cut off", 'on_stale="accept"'),
        ),
        {
            "accepts": "accepts",
            "revoked": "token_revoked, within milliseconds",
            "accepts old": "accepts: the last news is fresh enough",
            "unavailable": "status_unavailable",
            "accepts by choice": "accepts: the policy says so",
            "expired": "expired",
        },
    ),
)

CHINESE = Timeline(
    "timeline.zh-CN.svg",
    "令牌被撤销后：保持连接的校验端在几毫秒内拒绝；断连的校验端在状态过旧时拒绝；"
    "选择放行的校验端到令牌过期时才拒绝。",
    ("撤销", "距最后消息 max_status_age", "exp"),
    _lanes(
        (
            ("保持连接", "订阅状态流"),
            ("断连", 'on_stale="refuse"'),
            ("断连", 'on_stale="accept"'),
        ),
        {
            "accepts": "放行",
            "revoked": "token_revoked，几毫秒之内",
            "accepts old": "放行：最后的消息还够新",
            "unavailable": "status_unavailable",
            "accepts by choice": "放行：策略如此",
            "expired": "已过期",
        },
    ),
)

PICTURES = (ENGLISH, CHINESE)

_STYLE = """
  .paper{fill:#fbfaf6;stroke:#e4e0d6} .moment{stroke:#8a8372;stroke-dasharray:4 4}
  .head{fill:#2c2a26;font-weight:600;font-size:16px} .sub{fill:#6b6557;font-size:13px}
  .code{font-family:ui-monospace,Menlo,Consolas,monospace}
  .yes{fill:#d9e6d3} .no{fill:#b5472f} .wait{fill:#e7b98f}
  .on-yes,.on-wait{fill:#2c2a26;font-size:13px} .on-no{fill:#fff;font-size:13px}
  @media (prefers-color-scheme: dark){
  .paper{fill:#17181b;stroke:#2e3036} .moment{stroke:#8d8877}
  .head{fill:#f1ede3} .sub{fill:#a7a291}
  .yes{fill:#2f4230} .no{fill:#b5472f} .wait{fill:#6d4a26}
  .on-yes,.on-wait{fill:#f1ede3}}
"""


def render(timeline: Timeline) -> str:
    """The picture as SVG."""
    height = _TOP + _ROW * len(timeline.lanes) + 8
    size = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="system-ui">',
        f"<title>{escape(timeline.title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" x=".5" y=".5" width="{_WIDTH - 1}" height="{height - 1}" rx="10"/>',
        *(
            _draw_moment(at, words, height, level)
            for level, (at, words) in enumerate(
                zip((_CLICK, _BOUND, _EXPIRY), timeline.moments, strict=True)
            )
        ),
        *(_draw_lane(lane, _TOP + _ROW * number) for number, lane in enumerate(timeline.lanes)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _x(part: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * part


def _draw_lane(lane: Lane, y: int) -> str:
    middle = y + 24
    named = (
        f'<text class="head" x="28" y="{middle - 4}">{escape(lane.name)}</text>'
        f'<text class="sub code" x="28" y="{middle + 15}">{escape(lane.how)}</text>'
    )
    return named + "".join(_draw_stretch(stretch, y) for stretch in lane.stretches)


def _draw_stretch(stretch: Stretch, y: int) -> str:
    start, end = _x(stretch.start), _x(stretch.end)
    bar = (
        f'<rect class="{stretch.style}" x="{start:.1f}" y="{y}" width="{end - start:.1f}"'
        f' height="44" rx="5"/>'
    )
    words = (
        f'<text class="on-{stretch.style}" x="{(start + end) / 2:.1f}" y="{y + 27}"'
        f' text-anchor="middle">{escape(stretch.words)}</text>'
    )
    return bar + (words if end - start > 60 or len(stretch.words) < 5 else _small(stretch, y))


def _small(stretch: Stretch, y: int) -> str:
    middle = (_x(stretch.start) + _x(stretch.end)) / 2
    return (
        f'<text class="on-{stretch.style}" x="{middle:.1f}" y="{y + 27}" text-anchor="middle"'
        f' font-size="11" style="font-size:11px">{escape(stretch.words)}</text>'
    )


def _draw_moment(at: float, words: str, height: int, level: int) -> str:
    x, y = _x(at), 36 + 22 * (level % 2)
    return (
        f'<text class="sub" x="{x:.1f}" y="{y}" text-anchor="middle">{escape(words)}</text>'
        f'<line class="moment" x1="{x:.1f}" y1="{y + 8}" x2="{x:.1f}" y2="{height - 14}"/>'
    )
