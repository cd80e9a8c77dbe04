"""`token why` says what `verify` says, and which of its checks said it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from lingpai import errors
from lingpai.jose.key_set import KeySet
from lingpai.jwt.policy import IGNORE_BINDING, IGNORE_STATUS, Policy
from lingpai.jwt.profiles import ACCESS_TOKEN
from lingpai.jwt.status_list import Status
from lingpai.jwt.token import VerifiedToken
from lingpai.jwt.verify import verify
from lingpai.testing import FakeIssuer
from lingpai_server.cli.why_checks import ORDER, Expected, Findings, Unasked, examine
from lingpai_server.cli.why_evidence import LocalStatuses, RemoteStatuses, fetch_keys
from lingpai_server.core.slots import StatusChange, StatusChanges

ISSUER = FakeIssuer()
BAD = ISSUER.bad_tokens()
CHECK_OF = {
    "malformed_token": "header",
    "invalid_header": "header",
    "unsupported_crit": "header",
    "unexpected_kind": "header",
    "token_too_large": "header",
    "unknown_algorithm": "key",
    "unknown_key": "key",
    "algorithm_mismatch": "key",
    "signature_invalid": "signature",
    "typ_mismatch": "typ",
    "issuer_mismatch": "iss",
    "audience_mismatch": "aud",
    "token_expired": "time",
    "token_not_yet_valid": "time",
    "token_issued_in_future": "time",
}


class Silent:
    """Nothing is wrong with any token."""

    def check(self, token: VerifiedToken) -> str:
        del token
        return "nothing is against it"


def expected(issuer: FakeIssuer = ISSUER, **changes: Any) -> Expected:
    values: dict[str, Any] = {
        "issuer": issuer.issuer,
        "audience": issuer.audience,
        "keys": KeySet([issuer.key.public]),
        "statuses": Silent(),
        "now": time.time(),
    }
    return Expected(**(values | changes))


def outcome(findings: Findings, name: str) -> str:
    (check,) = (check for check in findings.checks if check.name == name)
    return check.outcome


def code(findings: Findings) -> str | None:
    return None if findings.refusal is None else findings.refusal.code


def code_of_verify(raw: str) -> str | None:
    policy = Policy(
        issuer=ISSUER.issuer,
        audience=ISSUER.audience,
        typ="at+jwt",
        profile=ACCESS_TOKEN,
        status=IGNORE_STATUS,
        binding=IGNORE_BINDING,
    )
    try:
        verify(raw, KeySet([ISSUER.key.public]), policy, now=time.time())
    except errors.TokenError as refusal:
        return refusal.code
    return None


@pytest.mark.parametrize("kind", sorted(BAD))
def test_the_first_check_that_fails_is_the_one_that_verify_names(kind: str) -> None:
    findings = examine(BAD[kind].raw, expected())
    assert code(findings) == code_of_verify(BAD[kind].raw)
    if findings.refusal is not None:
        assert findings.refusal.name == CHECK_OF.get(findings.refusal.code, findings.refusal.name)


@pytest.mark.parametrize("kind", sorted(BAD))
def test_every_check_is_told_once_and_in_order(kind: str) -> None:
    assert [check.name for check in examine(BAD[kind].raw, expected()).checks] == list(ORDER)


def test_good_token_passes_all() -> None:
    findings = examine(ISSUER.token(), expected())
    assert findings.refusal is None
    assert findings.is_authentic
    assert {check.outcome for check in findings.checks if check.name != "binding"} == {"passed"}


def test_all_that_is_wrong_with_an_authentic_token_is_told() -> None:
    raw = ISSUER.token(aud="https://other.example", lifetime_seconds=-60)
    failed = [c.name for c in examine(raw, expected()).checks if c.outcome == "failed"]
    assert failed == ["aud", "time"]


def test_nothing_is_believed_of_a_token_that_is_not_authentic() -> None:
    head, body, signature = ISSUER.token(lifetime_seconds=-60).split(".")
    forged = f"{head}.{body}.{signature[:-8]}AAAAAAAA"
    findings = examine(forged, expected())
    assert not findings.is_authentic
    assert code(findings) == "signature_invalid"
    assert outcome(findings, "time") == "not_checked"


def test_without_an_audience_that_check_is_open() -> None:
    findings = examine(ISSUER.token(), expected(audience=None))
    assert findings.refusal is None
    assert outcome(findings, "aud") == "not_checked"


def test_revoked_key_is_named_as_such() -> None:
    kid = ISSUER.key.kid
    findings = examine(ISSUER.token(), expected(revoked_kids=frozenset({kid})))
    assert findings.refusal is not None
    assert findings.refusal.name == "key"
    assert "revoked" in findings.refusal.note


def test_bound_token_says_that_it_needs_its_proof() -> None:
    raw = ISSUER.token(cnf={"jkt": "thumbprint"})
    (binding,) = (c for c in examine(raw, expected()).checks if c.name == "binding")
    assert (binding.outcome, "jkt" in binding.note) == ("not_checked", True)


def test_status_that_cannot_be_asked_refuses_nothing() -> None:
    class Away:
        def check(self, token: VerifiedToken) -> str:
            raise Unasked(f"nobody is there to ask about {token.token_id}")

    findings = examine(ISSUER.token(), expected(statuses=Away()))
    assert findings.refusal is None
    assert outcome(findings, "status") == "not_checked"


def local(**changes: Any) -> LocalStatuses:
    values: dict[str, Any] = {"epoch": "e", "seq": 3, "lists": 2}
    return LocalStatuses(StatusChanges(**(values | changes)), ISSUER.issuer)


def with_slot(index: int, list_id: str = "e-2", **claims: Any) -> str:
    uri = f"{ISSUER.issuer}/status-lists/{list_id}"
    return ISSUER.token(status={"status_list": {"idx": index, "uri": uri}}, **claims)


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        (Status.VALID, None),
        (Status.INVALID, "token_revoked"),
        (Status.SUSPENDED, "token_suspended"),
        (Status.STALE, "token_stale"),
    ],
)
def test_slot_is_looked_up_in_the_store(status: Status, refused: str | None) -> None:
    statuses = local(changes=(StatusChange(2, 7, status), StatusChange(1, 8, Status.INVALID)))
    assert code(examine(with_slot(7), expected(statuses=statuses))) == refused
    assert code(examine(with_slot(8), expected(statuses=statuses))) is None


def test_slot_of_an_earlier_epoch_is_over() -> None:  # a restore ended every grant
    assert code(examine(with_slot(7, "d-1"), expected(statuses=local()))) == "token_revoked"


def test_denied_token_is_refused_whatever_its_slot_says() -> None:
    statuses = local(denied=(("one", 2_000_000_000),))
    assert code(examine(with_slot(7, jti="one"), expected(statuses=statuses))) == "token_revoked"
    assert code(examine(with_slot(7, jti="two"), expected(statuses=statuses))) is None


def test_issuer_that_streams_is_asked_for_slots_denials_and_keys() -> None:
    with FakeIssuer(with_statuses=True) as issuer:
        transport = issuer.transport()
        keys = fetch_keys(issuer.issuer, transport)
        statuses = RemoteStatuses(issuer.issuer, transport, keys)
        raw, other = issuer.token(), issuer.token()
        asked = expected(issuer, keys=keys, statuses=statuses)
        assert code(examine(raw, asked)) is None
        issuer.make_stale(raw)
        assert code(examine(raw, asked)) == "token_stale"
        issuer.deny(other)
        assert code(examine(other, asked)) == "token_revoked"


def test_issuer_without_statuses_says_so() -> None:
    transport = ISSUER.transport()
    keys = fetch_keys(ISSUER.issuer, transport)
    statuses = RemoteStatuses(ISSUER.issuer, transport, keys)
    findings = examine(ISSUER.token(), expected(keys=keys, statuses=statuses))
    assert findings.refusal is None
    assert "no denials" in findings.checks[-1].note


def test_no_finding_holds_the_token() -> None:
    raw = ISSUER.token(scopes=["a"])
    _, body, signature = raw.split(".")
    told = repr(examine(raw, expected()).checks)
    assert body not in told
    assert signature not in told
