"""docs/images/flow*.svg: who says what to whom, one table a language. Draws nothing else.

The picture brings its own colours for light and dark, so that it reads well on either page.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Literal, TypeAlias

FOLDER = Path("docs/images")

Party: TypeAlias = Literal["issuer", "app", "api"]

_X: dict[Party, int] = {"issuer": 146, "app": 460, "api": 774}
_WIDTH, _TOP, _ROW = 920, 92, 50


@dataclass(frozen=True, slots=True)
class Message:
    """One arrow. `quiet`: it happens in the background, not on the way of a request."""

    sender: Party
    receiver: Party
    text: str
    code: bool = False
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """What happens at one party, without a word to anyone."""

    at: Party
    lines: tuple[str, ...]


Row: TypeAlias = Message | Note


@dataclass(frozen=True, slots=True)
class Picture:
    """A language's words: the title for who cannot see it, the heads, the rows."""

    name: str
    title: str
    heads: dict[Party, tuple[str, str]]
    rows: tuple[Row, ...]


ENGLISH = Picture(
    "flow.svg",
    "The app logs in at the issuer, shows the token to the API, which verifies it by itself.",
    {
        "issuer": ("Issuer", "lingpai serve"),
        "app": ("Your app", "browser, phone, service"),
        "api": ("Your API", "lingpai.Verifier"),
    },
    (
        Message("api", "issuer", "GET /jwks, in the background", quiet=True),
        Message("app", "issuer", "POST /login", code=True),
        Message("issuer", "app", "access token (5 min) + refresh token"),
        Message("app", "api", "Authorization: Bearer …", code=True),
        Note(
            "api", ("signature, iss, aud, exp, typ, scope", "checked here, no call to the issuer")
        ),
        Message("api", "app", "200, or 401 or 403 with the reason"),
        Message("app", "issuer", "POST /token (refresh)", code=True),
        Message("issuer", "app", "a new pair; the old one is spent"),
        Message("app", "issuer", "POST /revoke or /logout", code=True),
        Note("issuer", ("the session has ended:", "no refresh token of it works")),
    ),
)

CHINESE = Picture(
    "flow.zh-CN.svg",
    "应用向签发方登录，把令牌交给 API，API 在本地自行验证。",
    {
        "issuer": ("签发方", "lingpai serve"),
        "app": ("你的应用", "浏览器、手机、后端服务"),
        "api": ("你的 API", "lingpai.Verifier"),
    },
    (
        Message("api", "issuer", "GET /jwks，在后台", quiet=True),
        Message("app", "issuer", "POST /login", code=True),
        Message("issuer", "app", "访问令牌（5 分钟）+ 刷新令牌"),
        Message("app", "api", "Authorization: Bearer …", code=True),
        Note("api", ("签名、iss、aud、exp、typ、scope", "全部就地检查，不回问签发方")),
        Message("api", "app", "200，或附带原因的 401 / 403"),
        Message("app", "issuer", "POST /token (refresh)", code=True),
        Message("issuer", "app", "换一对新令牌，旧的作废"),
        Message("app", "issuer", "POST /revoke · /logout", code=True),
        Note("issuer", ("会话到此结束：", "它的刷新令牌不再有效")),
    ),
)

PICTURES = (ENGLISH, CHINESE)

_STYLE = """
  .paper{fill:#fbfaf6;stroke:#e4e0d6} .line{stroke:#c9c3b4} .arrow{stroke:#2c2a26}
  .quiet{stroke:#8a8372;stroke-dasharray:5 5} .tip{fill:#2c2a26} .quiet-tip{fill:#8a8372}
  .head{fill:#2c2a26;font-weight:600;font-size:17px} .sub,.note{fill:#6b6557;font-size:13px}
  .text{fill:#2c2a26;font-size:14px} .code{font-family:ui-monospace,Menlo,Consolas,monospace}
  .box{fill:#f3e8d8;stroke:#b5472f} .note{fill:#7c2d1c} .halo{fill:#fbfaf6}
  @media (prefers-color-scheme: dark){
  .paper{fill:#17181b;stroke:#2e3036} .line{stroke:#3d4047} .arrow{stroke:#e8e4da}
  .quiet{stroke:#8d8877} .tip{fill:#e8e4da} .quiet-tip{fill:#8d8877}
  .head,.text{fill:#f1ede3} .sub{fill:#a7a291} .box{fill:#33211b;stroke:#d9735a}
  .note{fill:#f3c4b4} .halo{fill:#17181b}}
"""


def render(picture: Picture) -> str:
    """The picture as SVG."""
    height = _TOP + _ROW * len(picture.rows) + 22
    size = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="system-ui">',
        f"<title>{escape(picture.title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" x=".5" y=".5" width="{_WIDTH - 1}" height="{height - 1}" rx="10"/>',
        *(_draw_head(picture.heads[party], x, height) for party, x in _X.items()),
        *(_draw_row(row, _TOP + _ROW * i + _ROW // 2) for i, row in enumerate(picture.rows)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _draw_head(head: tuple[str, str], x: int, height: int) -> str:
    name, what = head
    return (
        f'<text class="head" x="{x}" y="38" text-anchor="middle">{escape(name)}</text>'
        f'<text class="sub" x="{x}" y="60" text-anchor="middle">{escape(what)}</text>'
        f'<line class="line" x1="{x}" y1="74" x2="{x}" y2="{height - 20}"/>'
    )


def _draw_row(row: Row, y: int) -> str:
    match row:
        case Message():
            return _draw_message(row, y)
        case Note():
            return _draw_note(row, y)


def _draw_message(message: Message, y: int) -> str:
    start, end = _X[message.sender], _X[message.receiver]
    way = 1 if end > start else -1
    tip = f"{end - way},{y} {end - way * 10},{y - 5} {end - way * 10},{y + 5}"
    quiet = message.quiet
    middle = (start + end) // 2
    text = escape(message.text)
    halo = f'<rect class="halo" x="{middle - 90}" y="{y - 21}" width="180" height="17"/>'
    return (
        f'<line class="arrow{" quiet" if quiet else ""}" x1="{start}" y1="{y}"'
        f' x2="{end - way * 8}" y2="{y}" stroke-width="1.5"/>'
        f'<polygon class="{"quiet-tip" if quiet else "tip"}" points="{tip}"/>'
        + (halo if quiet else "")
        + f'<text class="{"sub" if quiet else "text"}{" code" if message.code else ""}"'
        f' x="{middle}" y="{y - 8}" text-anchor="middle">{text}</text>'
    )


def _draw_note(note: Note, y: int) -> str:
    x, width = _X[note.at], 252
    left = min(max(x - width // 2, 6), _WIDTH - width - 6)
    middle = left + width // 2
    lines = "".join(
        f'<text class="note" x="{middle}" y="{y - 5 + 17 * i}" text-anchor="middle">'
        f"{escape(line)}</text>"
        for i, line in enumerate(note.lines)
    )
    box = f'<rect class="box" x="{left}" y="{y - 23}" width="{width}" height="44" rx="6"/>'
    return box + lines
