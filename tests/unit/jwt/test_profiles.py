"""Each profile, with a good token and every token that it must refuse."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.support.tokens import AUDIENCE, ISSUER, NOW, accept, claims, seal, secret_key

from lingpai import ANY_AUDIENCE, ANY_ISSUER, NO_TYP, Policy, errors, sign
from lingpai.jwt.issue import check_issuable
from lingpai.jwt.profiles import PROFILES, Profile


@dataclass(frozen=True)
class Kind:
    """One kind of token: what a good one holds."""

    profile: str
    typ: str | None
    good: dict[str, Any]
    issuer: Any = ISSUER
    audience: Any = AUDIENCE
    waived: tuple[str, ...] = field(default=())

    def policy(self) -> Policy:
        return Policy(
            issuer=self.issuer,
            audience=self.audience,
            typ=NO_TYP if self.typ is None else self.typ,
            profile=PROFILES[self.profile],
        )

    def seal(self, typ: str | None = None, /, **changes: Any) -> str:
        kind = typ or self.typ
        header = {"alg": "HS256"} | ({"typ": kind} if kind else {})
        members = {n: v for n, v in (self.good | changes).items() if v is not ...}
        return seal(header, members)


EVENTS: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}
KINDS = [
    Kind("generic", None, {"iss": ISSUER, "aud": AUDIENCE, "exp": NOW + 9}),
    Kind("access token", "at+jwt", claims()),
    Kind("ID token", None, claims(nonce="n", client_id=..., jti=...)),
    Kind("logout token", "logout+jwt", claims(events=EVENTS, sid="s", client_id=...)),
    Kind(
        "DPoP proof",
        "dpop+jwt",
        {"jti": "p", "htm": "GET", "htu": "https://api.example/", "iat": NOW},
        ANY_ISSUER,
        ANY_AUDIENCE,
    ),
    Kind("client assertion", "client-authentication+jwt", claims(client_id=...)),
    Kind(
        "status batch",
        "statusstream+jwt",
        {"iss": ISSUER, "epoch": "e", "after": 1, "seq": 2, "as_of": NOW},
        audience=ANY_AUDIENCE,
    ),
    Kind(
        "security event",
        "secevent+jwt",
        {"iss": ISSUER, "aud": AUDIENCE, "iat": NOW, "jti": "e", "events": EVENTS},
    ),
    Kind(
        "status list",
        "statuslist+jwt",
        {"sub": "https://id.example/l/1", "iat": NOW, "status_list": {"bits": 1, "lst": "eNo"}},
        ANY_ISSUER,
        ANY_AUDIENCE,
    ),
]
BY_NAME = {kind.profile: kind for kind in KINDS}


def test_every_profile_is_tested_here() -> None:
    assert BY_NAME.keys() == PROFILES.keys()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.profile)
def test_a_good_token_of_the_kind_passes(kind: Kind) -> None:
    accept(kind.seal(), kind.policy())


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind in KINDS for name in PROFILES[kind.profile].required],
    ids=lambda value: value if isinstance(value, str) else value.profile,
)
def test_a_required_claim_is_missed(kind: Kind, name: str) -> None:
    with pytest.raises(errors.MissingClaim, match=name):
        accept(kind.seal(**{name: ...}), kind.policy())


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind in KINDS for name in PROFILES[kind.profile].forbidden],
    ids=lambda value: value if isinstance(value, str) else value.profile,
)
def test_a_forbidden_claim_is_refused(kind: Kind, name: str) -> None:
    value = NOW + 9 if name == "exp" else "x"
    with pytest.raises(errors.InvalidClaim, match=f"may not have the claim '{name}'"):
        accept(kind.seal(**{name: value}), kind.policy())


@pytest.mark.parametrize("kind", [k for k in KINDS if k.typ], ids=lambda kind: kind.profile)
def test_the_typ_of_another_kind_is_refused(kind: Kind) -> None:  # RFC 8725 section 3.11
    for other in KINDS:
        if other.typ and other is not kind:
            with pytest.raises(errors.TypMismatch):
                accept(kind.seal(other.typ), kind.policy())


@pytest.mark.parametrize("kind", [k for k in KINDS if k.typ], ids=lambda kind: kind.profile)
def test_the_profile_knows_the_typ_of_its_kind(kind: Kind) -> None:
    assert PROFILES[kind.profile].typ == kind.typ


def test_an_id_token_is_no_access_token() -> None:  # RFC 9068 section 4
    access = BY_NAME["access token"]
    with pytest.raises(errors.TypMismatch):
        accept(BY_NAME["ID token"].seal(), access.policy())


def test_a_logout_token_is_no_id_token() -> None:  # OpenID Connect Back-Channel Logout 2.4
    with pytest.raises(errors.TypMismatch):
        accept(BY_NAME["logout token"].seal(), BY_NAME["ID token"].policy())


def test_exp_counts_where_a_profile_does_not_ask_for_it() -> None:
    proof = BY_NAME["DPoP proof"]
    with pytest.raises(errors.TokenExpired):
        accept(proof.seal(exp=NOW), proof.policy())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.profile)
def test_what_a_profile_asks_for_is_not_issued_without(kind: Kind) -> None:
    profile: Profile = PROFILES[kind.profile]
    check_issuable(kind.good, profile)
    for name in profile.required:
        lacking = {n: v for n, v in kind.good.items() if n != name}
        with pytest.raises(errors.IssueError, match=name):
            check_issuable(lacking, profile)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.profile)
def test_what_a_profile_forbids_is_not_issued(kind: Kind) -> None:
    profile = PROFILES[kind.profile]
    for name in profile.forbidden:
        value = NOW if name == "exp" else "x"
        with pytest.raises(errors.IssueError, match=f"may not have {name}"):
            sign(kind.good | {name: value}, secret_key(), typ="x", profile=profile)
