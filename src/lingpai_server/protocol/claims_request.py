"""The `claims` parameter (OpenID Connect Core section 5.5), parsed strictly. Knows nobody's claims.

What a client asks for by name it gets only if one of the scopes that it registered stands for it:
the parameter picks among what an operator allowed and adds nothing to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from lingpai.jose import strict_json
from lingpai_server.core.records import Client, User
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.openid_scopes import SCOPE_CLAIMS, SCOPE_OF_CLAIM

MAX_CLAIMS_CHARS = 4096
MAX_CLAIMS = 64

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ClaimWish:
    """How one claim is asked for. `values` are those that would do, None if any would."""

    essential: bool = False
    values: tuple[Any, ...] | None = None


@dataclass(frozen=True, slots=True)
class ClaimsRequest:
    """Which claims are asked for where, by name."""

    userinfo: Mapping[str, ClaimWish] = field(default_factory=dict, hash=False)
    id_token: Mapping[str, ClaimWish] = field(default_factory=dict, hash=False)

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes that stand for what is asked for: what a person has to agree to."""
        names = (*self.userinfo, *self.id_token)
        return frozenset(SCOPE_OF_CLAIM[name] for name in names if name in SCOPE_OF_CLAIM)


NO_CLAIMS = ClaimsRequest()


def parse_claims_request(text: str | None) -> ClaimsRequest | Refusal:
    """The parameter, or why it cannot be read. Members that are not understood are ignored."""
    if text is None:
        return NO_CLAIMS
    if len(text) > MAX_CLAIMS_CHARS:
        return _refuse("claims_too_long")
    try:
        members = strict_json.decode_object(text.encode("utf-8"))
        return ClaimsRequest(_parse_wishes(members, "userinfo"), _parse_wishes(members, "id_token"))
    except ValueError:
        return _refuse("claims_malformed")


def read_claims_request(text: str | None) -> ClaimsRequest:
    """The same for a text that was accepted once and kept."""
    request = parse_claims_request(text)
    return NO_CLAIMS if isinstance(request, Refusal) else request


def released_claims(
    user: User, client: Client, scopes: Iterable[str], wishes: Mapping[str, ClaimWish] = _NOTHING
) -> dict[str, Any]:
    """What is known of a user and may be told: the claims of the granted scopes, and those asked
    for by name that one of the client's own scopes stands for."""
    named = {name for name in wishes if SCOPE_OF_CLAIM.get(name) in client.scopes}
    granted = {claim for scope in scopes for claim in SCOPE_CLAIMS.get(scope, ())}
    known = {"preferred_username": user.username, **user.claims}
    return {name: value for name, value in known.items() if name in named | granted}


def _parse_wishes(members: Mapping[str, Any], place: str) -> dict[str, ClaimWish]:
    """One of the two members; null is as good as absent. Raises ValueError."""
    asked = members.get(place)
    if asked is None:
        return {}
    if not isinstance(asked, dict) or len(asked) > MAX_CLAIMS:
        raise ValueError(f"{place} is not an object of a few claims")
    return {name: _parse_wish(wish) for name, wish in asked.items()}


def _parse_wish(wish: object) -> ClaimWish:
    """null, or an object with `essential`, `value` or `values` (section 5.5.1)."""
    if wish is None:
        return ClaimWish()
    if not isinstance(wish, dict) or ("value" in wish and "values" in wish):
        raise ValueError("a claim is asked for with null or an object, by value or by values")
    essential, values = wish.get("essential", False), wish.get("values")
    if not isinstance(essential, bool) or not (values is None or isinstance(values, list)):
        raise ValueError("essential is a boolean, values an array")
    if "value" in wish:
        return ClaimWish(essential, (wish["value"],))
    return ClaimWish(essential, None if values is None else tuple(values))


def _refuse(reason: str) -> Refusal:
    return refuse(
        ErrorCode.INVALID_REQUEST,
        reason=reason,
        description="The parameter claims is not the JSON object that it has to be.",
    )
