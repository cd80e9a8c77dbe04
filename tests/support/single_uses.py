"""What may be done once, as units of work that race for it. Refuses to know who should win.

Each number is a set of things of its own; `racer` tells who of several did something to them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, TypeAlias

from tests.support.stores import (
    NOW,
    a_browser,
    a_code,
    a_device,
    a_family,
    a_pushed_request,
    a_session,
    an_approved_device,
)

from lingpai_server.core.effects import (
    Effects,
    EndSession,
    Record,
    RequireVersion,
    StartFamily,
    StartSession,
)
from lingpai_server.core.flow_effects import (
    EndBrowser,
    MoveDevice,
    MoveNotice,
    RedeemCode,
    Spend,
    StartBrowser,
    StoreCode,
    StoreDevice,
    StorePushed,
    UsePushed,
)
from lingpai_server.core.flow_records import DeviceGrant, DeviceState
from lingpai_server.core.records import Event, Session

Unit: TypeAlias = Callable[[int, int], Effects]


def digest_of(*words: object) -> bytes:
    """32 bytes that belong to these words."""
    return hashlib.sha256(" ".join(map(str, words)).encode()).digest()


def session_id(number: int, racer: int) -> str:
    """The session that a racer buys."""
    return f"session-{number}-{racer}"


def family_id(number: int, racer: int) -> bytes:
    """The family that a racer buys."""
    return digest_of(number, racer)[:16]


def things(number: int) -> Effects:
    """A browser session, a code, a pushed request, two devices and a notice, none of them used."""
    named = f"told-{number}"
    return (
        StartBrowser(a_browser(digest_of(number))),
        StoreCode(a_code(digest_of(number), browser_id=digest_of(number))),
        StorePushed(a_pushed_request(digest_of(number))),
        StoreDevice(_waiting(number)),
        StoreDevice(_approved(number)),
        StartSession(a_session(named, notify=True)),
        EndSession(named, NOW, "logout"),
    )


def redeem(number: int, racer: int) -> Effects:
    """All that the redemption of a code does."""
    return (
        RequireVersion("user", "id-of-ming", 2),
        RequireVersion("client", "app", 1),
        Record(Event("code.redeemed", NOW)),
        *enter(number, racer),
        RedeemCode(digest_of(number), NOW, session_id(number, racer)),
    )


def use(number: int, racer: int) -> Effects:
    """The code that comes of a pushed request."""
    code = a_code(digest_of(number, racer), browser_id=digest_of(number))
    return (UsePushed(digest_of(number), NOW), StoreCode(code))


def answer(number: int, racer: int) -> Effects:
    """One of two answers to a device."""
    before = _waiting(number)
    denied = replace(before, state=DeviceState.DENIED)
    approved = replace(_approved(number), device_sha256=before.device_sha256)
    return (MoveDevice(before, approved if racer % 2 else denied),)


def poll(number: int, racer: int) -> Effects:
    """A poll of a device that others poll at the same moment."""
    before = _waiting(number)
    return (MoveDevice(before, replace(before, polled_at=NOW + racer / 7)),)


def collect(number: int, racer: int) -> Effects:
    """All that the redemption of an approved device does."""
    before = _approved(number)
    bought = session_id(number, racer)
    after = replace(before, state=DeviceState.REDEEMED, session_id=bought)
    return (*enter(number, racer), MoveDevice(before, after))


def spend(number: int, racer: int) -> Effects:
    """The mark of a `jti`, with a later expiry for each who tries."""
    return (Spend("dpop", digest_of(number), NOW + 60 + racer),)


def claim(number: int, racer: int) -> Effects:
    """The first attempt at a logout notice."""
    return (MoveNotice(f"told-{number}", 0, NOW + racer),)


def enter(number: int, racer: int) -> Effects:
    """A client's session in the browser session of that number."""
    session: Session = a_session(session_id(number, racer), browser_id=digest_of(number))
    family = a_family(family_id(number, racer), session_id=session.session_id)
    return (StartSession(session), StartFamily(family))


def leave(number: int, racer: int) -> Effects:
    """The end of the browser session of that number."""
    return (EndBrowser(digest_of(number), NOW + 1, f"logout by {racer}"),)


def _waiting(number: int) -> DeviceGrant:
    return a_device(digest_of("waiting", number), user_code=f"WAITING{number}")


def _approved(number: int) -> DeviceGrant:
    return an_approved_device(
        digest_of("approved", number),
        user_code=f"APPROVED{number}",
        browser_id=digest_of(number),
    )


SINGLE_USES: Final[Mapping[str, Unit]] = {
    "redeem": redeem,
    "use": use,
    "answer": answer,
    "poll": poll,
    "collect": collect,
    "spend": spend,
    "claim": claim,
}
"""What one of several may do, by name."""

UNITS: Final[Mapping[str, Unit]] = {**SINGLE_USES, "enter": enter, "leave": leave}
"""All of it, for a process that is told by name."""
