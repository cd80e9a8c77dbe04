"""A service in Litestar: notes that are read and written with scopes and removed with a permission.

python -m lingpai_server.demo.notes --issuer http://127.0.0.1:8000 --port 8002
"""

from __future__ import annotations

import sys
from itertools import count
from typing import Annotated, Any, cast

import msgspec
from litestar import Litestar, Request, Response, delete, get, post
from litestar.exceptions import NotFoundException
from litestar.openapi import OpenAPIConfig

from lingpai.integrations.asgi import App
from lingpai.integrations.litestar import CurrentToken, LitestarAuth
from lingpai.verifier import Verifier
from lingpai_server.demo.service import STATS_PATH, encode_stats, is_loopback, run_service

__all__ = ["AUDIENCE", "make_app"]

AUDIENCE = "https://notes.demo.example"


class NewNote(msgspec.Struct, forbid_unknown_fields=True):
    """What a client sends."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]


class Note(msgspec.Struct, frozen=True):
    """One note, and whose it is."""

    note_id: int
    author: str
    text: str


def make_app(verifier: Verifier) -> App:
    """The service. Its notes live as long as the process."""
    auth = LitestarAuth(verifier, realm="notes")
    notes: dict[int, Note] = {1: Note(1, "lingpai", "Show your token at the gate.")}
    numbers = count(2)

    @get("/notes", guards=[auth.requires(scopes=["notes:read"])])
    async def list_notes() -> dict[str, list[Note]]:
        """All notes."""
        return {"notes": list(notes.values())}

    @post("/notes", guards=[auth.requires(scopes=["notes:write"])])
    async def write_note(data: NewNote, token: CurrentToken) -> Note:
        """A new note of whoever the token speaks for."""
        note = Note(next(numbers), token.subject or "", data.text)
        notes[note.note_id] = note
        return note

    @delete(
        "/notes/{note_id:int}",
        guards=[auth.requires(scopes=["notes:write"], permissions=["notes:moderate"])],
    )
    async def remove_note(note_id: int) -> None:
        """Anybody's note, for moderators."""
        if notes.pop(note_id, None) is None:
            raise NotFoundException("no such note")

    @get("/healthz")
    async def health() -> dict[str, str]:
        """For who waits until the service is up."""
        return {"status": "ok"}

    @get(STATS_PATH, include_in_schema=False)
    async def stats(request: Request[Any, Any, Any]) -> Response[bytes]:
        """What the verifier has done, for this machine only."""
        if not is_loopback(request.scope["client"]):
            raise NotFoundException
        return Response(encode_stats(verifier.stats()), media_type="application/json")

    app = Litestar(
        [list_notes, write_note, remove_note, health, stats],
        plugins=[auth],
        openapi_config=OpenAPIConfig("Notes", "1"),
    )
    return cast("App", app)  # Litestar tells the kinds of scope apart, ASGI's own types do not


if __name__ == "__main__":
    sys.exit(run_service("notes", make_app, audience=AUDIENCE))
