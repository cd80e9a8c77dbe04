"""How `token why` answers: the verdict, a line a check, what the issuer knows, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lingpai.jwt.status_list import Status
from lingpai_server.cli.printing import print_json
from lingpai_server.cli.session import tell_state
from lingpai_server.cli.token_printing import make_console
from lingpai_server.cli.token_view import printable
from lingpai_server.cli.words import say_date

if TYPE_CHECKING:
    from lingpai_server.app.admin.knowledge import Knowledge, SlotKnowledge
    from lingpai_server.cli.token_why import Answer
    from lingpai_server.cli.why_checks import Check

_MARKS = {"passed": ("✓", "green"), "failed": ("✗", "bold red"), "not_checked": ("·", "dim")}

ADVICE: Mapping[str, str] = {
    "malformed_token": "it was cut or altered when it was copied, or it is no token",
    "unexpected_kind": "it is encrypted: only its API can open it (lingpai token decrypt --key)",
    "unknown_algorithm": "no issuer of yours made it: look at where it comes from",
    "unknown_key": "its key was revoked or has gone, or another issuer signed it: the client has to"
    " get a new one",
    "signature_invalid": "it was altered or cut, or somebody else made it: do not trust its words",
    "typ_mismatch": "another kind of token, such as an ID token, was sent in its place",
    "issuer_mismatch": "another issuer made it, or the service spells the issuer otherwise",
    "audience_mismatch": "the client asked for another API: it has to name this one (resource)",
    "token_expired": "the client has to refresh; if it does not, look at its log and its clock",
    "token_not_yet_valid": "two clocks differ: look at the time on both machines",
    "token_issued_in_future": "two clocks differ: look at the time on both machines",
    "token_revoked": "it is over for good: the user has to log in again",
    "token_suspended": "undo the lock: lingpai user unlock, or lingpai client enable",
    "token_stale": "the client has to refresh, and needs no login: its roles have changed",
    "status_unknown": "it is of an epoch that is over, or its list says nothing of it: the client"
    " has to refresh, and where that is refused the user has to log in",
}


def print_answer(answer: Answer) -> None:
    """For people."""
    console = make_console()
    refusal = answer.findings.refusal
    if refusal is None:
        console.print("GOOD     every check passes that could be made", style="bold green")
    else:
        console.print(f"REFUSED  by {refusal.name}: {refusal.note}", style="bold red")
    for check in answer.findings.checks:
        mark, style = _MARKS[check.outcome]
        console.print(f"  {mark} {check.name:<10}{_note(check)}".rstrip(), style=style)
    if answer.knowledge is not None:
        origin = "" if answer.findings.is_authentic else ", by names that nobody vouches for"
        console.print(f"what the issuer knows{origin}", style="bold")
        for name, told in describe(answer.knowledge):
            console.print(f"    {name:<10}{told}")
    advice = _advice(answer)
    if advice:
        console.print(f"next: {advice}", style="bold")


def print_answer_json(answer: Answer) -> None:
    """For programs."""
    refusal, knowledge = answer.findings.refusal, answer.knowledge
    print_json(
        {
            "verdict": "good" if refusal is None else "refused",
            "check": None if refusal is None else refusal.name,
            "code": None if refusal is None else refusal.code,
            "reason": None if refusal is None else refusal.note,
            "advice": _advice(answer),
            "checks": [
                {"name": c.name, "outcome": c.outcome, "note": c.note, "code": c.code or None}
                for c in answer.findings.checks
            ],
            "authentic": answer.findings.is_authentic,
            "issuer_knows": None if knowledge is None else _to_json(knowledge),
        }
    )


def describe(known: Knowledge) -> Iterator[tuple[str, str]]:
    """One line a thing, the grant first."""
    import time

    now = time.time()
    if known.session_id is not None:
        yield "session", f"{printable(known.session_id)}: {_tell_session(known, now)}"
    if known.session is not None:
        user = known.session.user
        yield "user", f"{printable(user.username)}: {user.status.value}"
    if known.client_id is not None:
        yield "client", f"{printable(known.client_id)}: {_tell_client(known)}"
    if known.slot is not None:
        yield "slot", f"{_tell_slot(known.slot)}, {known.slot.index} in {known.slot.list_uri}"
    denied = known.denied_until
    yield "denied", "no" if denied is None else f"this one token, until {say_date(denied)}"
    if known.kid is not None:
        yield "key", f"{printable(known.kid)}: {_tell_key(known)}"
    if known.standing is not None:
        yield "asked", f"introspection says inactive: {known.standing.replace('_', ' ')}"
    for number, event in known.events:
        reason = event.detail.get("reason")
        told = f"{say_date(event.at)}  {event.kind}" + (f": {reason}" if reason else "")
        yield f"event {number}", told


def _tell_session(known: Knowledge, now: float) -> str:
    return "not here any more" if known.session is None else tell_state(known.session.session, now)


def _tell_client(known: Knowledge) -> str:
    if known.client is None:
        return "not here any more"
    return "disabled" if known.client.disabled else "enabled"


def _tell_slot(slot: SlotKnowledge) -> str:
    return "of an earlier epoch" if slot.status is None else Status(slot.status).name


def _tell_key(known: Knowledge) -> str:
    if known.key_revoked:
        return "revoked"
    return "not here" if known.key is None else known.key.state.value


def _note(check: Check) -> str:
    return f"  {check.note}" if check.note else ""


def _advice(answer: Answer) -> str | None:
    refusal, known = answer.findings.refusal, answer.knowledge
    if refusal is None:
        if known is None or known.standing is None:
            return None
        return "a service that checks by itself takes it; the issuer, when asked, would not"
    if refusal.name == "status" and known is not None and known.denied_until is not None:
        return "this one token was denied: the client has to refresh, nobody has to log in"
    if refusal.name == "key" and known is not None and known.key_revoked:
        return "its key was revoked: the client has to refresh, nobody has to log in"
    return ADVICE.get(refusal.code)


def _to_json(known: Knowledge) -> dict[str, Any]:
    session = None if known.session is None else known.session.session
    return {
        "session": None
        if session is None
        else {
            "session_id": session.session_id,
            "ended_at": session.ended_at,
            "end_reason": session.end_reason,
            "idle_deadline": session.idle_deadline,
            "absolute_deadline": session.absolute_deadline,
        },
        "user": None
        if known.session is None
        else {
            "username": known.session.user.username,
            "status": known.session.user.status.value,
        },
        "client": None
        if known.client is None
        else {"client_id": known.client.client_id, "disabled": known.client.disabled},
        "slot": None
        if known.slot is None
        else {
            "list": known.slot.list_uri,
            "index": known.slot.index,
            "status": None if known.slot.status is None else Status(known.slot.status).name,
        },
        "denied_until": known.denied_until,
        "key": {
            "kid": known.kid,
            "state": None if known.key is None else known.key.state.value,
            "revoked": known.key_revoked,
        },
        "introspection": known.standing,
        "events": [
            {
                "number": number,
                "at": event.at,
                "kind": str(event.kind),
                "detail": dict(event.detail),
            }
            for number, event in known.events
        ],
    }
