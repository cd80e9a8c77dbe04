"""The statuses of one issuer on disk, for a start while the issuer is away.

A line each: what the issuer signed, as it came. On the way back everything is checked as from the
network, and is as old as it says itself: a file that was put back is no younger for that.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lingpai.errors import TokenError
from lingpai.jose.jws import KeySource
from lingpai.jwt.status_list import StatusListToken, open_status_list
from lingpai.jwt.status_stream import Batch, open_batch
from lingpai.verifier.own_file import check_owned, name_for, replace_file
from lingpai.verifier.status_record import StatusRecord
from lingpai.verifier.status_view import StatusView
from lingpai.verifier.urls import check_fetch_url

__all__ = ["LEEWAY_SECONDS", "StatusFile", "restore_view"]

log = logging.getLogger("lingpai.verifier")

HEAD = "lingpai statuses 1, written at "
MAX_FILE_BYTES = 64 * 1024 * 1024
LEEWAY_SECONDS = 60  # for a list's times


@dataclass(frozen=True, slots=True)
class StatusFile:
    """The file of `issuer` in `folder`."""

    folder: Path
    issuer: str

    @property
    def path(self) -> Path:
        """One file an issuer."""
        return self.folder / name_for(self.issuer, ".statuses")

    def save(self, lines: Iterable[str], written_at: float) -> None:
        """Write all of it or nothing. A failure is logged, never raised."""
        text = "\n".join((f"{HEAD}{written_at:.3f}", *lines, ""))
        try:
            replace_file(self.path, text.encode("ascii"))
        except OSError as error:
            log.warning("the statuses of %s are not saved: %s", self.issuer, error)

    def load(self) -> tuple[list[str], float] | None:
        """The lines and when they were written; None where there is nothing to be trusted."""
        try:
            check_owned(self.folder)
            check_owned(self.path)
            return _split(self.path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            log.warning("the saved statuses of %s are not used: %s", self.issuer, error)
            return None


def _split(path: Path) -> tuple[list[str], float]:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ValueError("the file is too large")
    head, *lines = path.read_bytes().decode("ascii").split("\n")
    if not head.startswith(HEAD) or not lines or lines.pop() != "":
        raise ValueError("the file is not whole")
    return lines, float(head.removeprefix(HEAD))


def restore_view(
    file: StatusFile, keys: KeySource, *, now: float, wall_now: float
) -> tuple[StatusView, StatusRecord] | None:
    """The view that the file tells of, and the record that it was made from.

    `now` is on the steady clock. A list that does not pass, or has expired, is left out; a batch
    that does not pass makes all of it worthless.
    """
    loaded = file.load()
    if loaded is None:
        return None
    lines, written_at = loaded
    wall_now = max(wall_now, written_at)  # a clock that was set back makes nothing younger
    try:
        batches = [
            (raw, open_batch(raw, keys, issuer=file.issuer, now=wall_now))
            for raw in lines
            if " " not in raw
        ]
        lists = list(_open_lists(lines, keys, file.issuer, wall_now))
        latest = max([b.as_of for _, b in batches] + [t.issued_at for _, t in lists], default=0.0)
        behind = max(0.0, latest - written_at)  # so much this machine's clock was behind
        return _replay(batches, lists, now, now - wall_now - behind)
    except (TokenError, ValueError) as error:
        log.warning("the saved statuses of %s are not used: %s", file.issuer, error)
        return None


def _open_lists(
    lines: list[str], keys: KeySource, issuer: str, wall_now: float
) -> Iterator[tuple[str, StatusListToken]]:
    for line in lines:
        uri, is_list, raw = line.partition(" ")
        if not is_list:
            continue
        try:
            check_fetch_url(uri, issuer=issuer)
            token = open_status_list(
                raw, keys, uri=uri, issuer=issuer, now=wall_now, leeway_seconds=LEEWAY_SECONDS
            )
        except (TokenError, ValueError) as error:
            log.warning("the saved status list %s is not used: %s", uri, error)
        else:
            yield raw, token


def _replay(
    batches: list[tuple[str, Batch]],
    lists: list[tuple[str, StatusListToken]],
    now: float,
    offset: float,
) -> tuple[StatusView, StatusRecord]:
    """As if it came from the network now. `offset` is from the issuer's clock to the steady one.

    Raises ValueError where something between is missing.
    """
    view, record = StatusView(), StatusRecord()
    for raw, batch in batches:
        if batch.is_snapshot:
            anew = view.begin(batch, asked_at=batch.as_of + offset, now=now)
            record.begin(raw, batch, anew=anew)
        elif view.advance(batch, now=now):
            record.add(raw, batch)
        else:
            raise ValueError("a batch is missing")
    for raw, token in lists:
        as_of = min(now, token.issued_at + offset)
        view.take(token, as_of=as_of, due_at=-math.inf)
        record.keep(raw, token)
    return view, record
