"""FakeIssuer: an issuer that lives in the test's own memory and misbehaves when told to."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from itertools import count
from typing import Any, Self
from urllib.parse import urlsplit

from lingpai.jose import strict_json
from lingpai.jose.key_set import KeySet
from lingpai.jose.keys import Key, PrivateKey
from lingpai.jwt.issue import sign
from lingpai.jwt.status_list import Status, read_reference
from lingpai.jwt.verify import peek_unverified
from lingpai.testing.bad_tokens import BadToken, make_bad_tokens
from lingpai.testing.statuses import FakeStatuses
from lingpai.verifier import Verifier
from lingpai.verifier.flows import FetchFailed, Get, Response, metadata_urls

__all__ = ["Behaviour", "FakeIssuer", "MemoryTransport"]


class Behaviour(Enum):
    """How the issuer answers those who ask for its metadata and keys."""

    WELL = "well"
    UNREACHABLE = "unreachable"  # nobody is there
    ERROR = "error"  # status 500
    GARBAGE = "garbage"  # status 200 and no JSON
    REDIRECT = "redirect"  # status 302 to somewhere else
    EMPTY = "empty"  # a key set without keys
    HUGE = "huge"  # more than anyone should read
    HANG = "hang"  # takes the question and never answers
    DRIP = "drip"  # over HTTP: a byte now and then, so that no single read is slow


_HANGING = (Behaviour.HANG, Behaviour.DRIP)
HANG_SECONDS = 30.0


class FakeIssuer:
    """Publishes metadata and keys from memory, and makes tokens.

    `behaviour` may be changed at any time; `requests` lists the URLs that were asked for, `etag`s
    are honoured. With `with_statuses` every token gets a slot of a status list, and `revoke` and
    its kin reach the verifiers by a stream. As a context manager it closes the verifiers it made.
    `clock` is for the times in its tokens. Attributes may be set freely: this is a puppet.
    """

    def __init__(
        self,
        issuer: str = "https://issuer.test",
        audience: str = "https://api.test",
        *,
        alg: str = "ES256",
        with_statuses: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.issuer = issuer
        self.audience = audience
        self.behaviour = Behaviour.WELL
        self.cache_control: str | None = "max-age=300"
        self.requests: list[str] = []
        self.extra_jwks: list[Mapping[str, Any]] = []  # published as they are, broken ones too
        self._clock = clock
        self._alg = alg
        self._retired: list[PrivateKey] = []
        self._token_ids = count(1)
        self._verifiers: list[Verifier] = []
        self.key = self._generate()
        self.statuses: FakeStatuses | None = None
        if with_statuses:
            self.statuses = FakeStatuses(issuer, clock, lambda: self.key)

    # --- keys ---------------------------------------------------------------------------------

    def rotate(self, *, keep_old: bool = True) -> PrivateKey:
        """Sign with a new key from now on; the old one stays published unless told otherwise."""
        if keep_old:
            self._retired.append(self.key)
        else:
            self._retired.clear()
        self.key = self._generate()
        return self.key

    def jwks(self) -> dict[str, Any]:
        """The key set as it is published."""
        keys = KeySet(key.public for key in (self.key, *self._retired))
        return {"keys": [*keys.to_jwks()["keys"], *self.extra_jwks]}

    def _generate(self) -> PrivateKey:
        key = Key.generate(self._alg)
        if not isinstance(key, PrivateKey):
            raise TypeError("a published key is half of a pair")
        return key

    # --- tokens -------------------------------------------------------------------------------

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a good access token (RFC 9068 section 2.2); None leaves one out."""
        now = int(self._clock())
        claims = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": "user-1",
            "client_id": "test-client",
            "iat": now,
            "exp": now + 300,
            "jti": f"token-{next(self._token_ids)}",
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(
        self,
        *,
        scopes: Iterable[str] = (),
        permissions: Iterable[str] = (),
        roles: Iterable[str] = (),
        lifetime_seconds: int = 300,
        typ: str = "at+jwt",
        key: PrivateKey | None = None,
        **claims: Any,
    ) -> str:
        """A good access token, unless you ask for a bad one. Further claims by name."""
        granted = {
            "scope": " ".join(scopes) or None,
            "permissions": list(permissions) or None,
            "roles": list(roles) or None,
            "exp": int(self._clock()) + lifetime_seconds,
        }
        slot = {} if self.statuses is None else {"status": self.statuses.take_slot()}
        return sign(self.claims(**{**granted, **slot, **claims}), key or self.key, typ=typ)

    def revoke(self, raw: str) -> None:
        """End the grant that a token belongs to: every token with its slot is refused."""
        self._set_status(raw, Status.INVALID)

    def suspend(self, raw: str) -> None:
        """The account is locked for now."""
        self._set_status(raw, Status.SUSPENDED)

    def make_stale(self, raw: str) -> None:
        """What the token says is true no longer: its holder has to refresh."""
        self._set_status(raw, Status.STALE)

    def deny(self, raw: str) -> None:
        """Revoke this one token."""
        _, claims = peek_unverified(raw)
        jti, exp = claims["jti"], claims["exp"]
        if not isinstance(jti, str) or not isinstance(exp, int):
            raise TypeError("the token has no jti, or no whole exp")
        self._kept_statuses().deny(jti, exp)

    def revoke_key(self, kid: str) -> None:
        """Revoke everything that a key has signed."""
        self._kept_statuses().revoke_key(kid)

    def _set_status(self, raw: str, status: Status) -> None:
        _, claims = peek_unverified(raw)
        reference = read_reference(claims)
        if reference is None:
            raise ValueError("the token has no status")
        self._kept_statuses().set(reference.index, status)

    def _kept_statuses(self) -> FakeStatuses:
        if self.statuses is None:
            raise ValueError("this issuer keeps no statuses: make it with_statuses=True")
        return self.statuses

    def bad_tokens(self) -> dict[str, BadToken]:
        """A token of every bad kind by name, each with the code it is to be refused with."""
        return make_bad_tokens(self.claims(), self.key, now=int(self._clock()))

    # --- verifiers ----------------------------------------------------------------------------

    def verifier(self, **options: Any) -> Verifier:
        """A verifier of this issuer's tokens that asks over memory. Options as for `Verifier`."""
        if "policy" not in options:
            options = {"issuer": self.issuer, "audience": self.audience, **options}
        verifier = Verifier(**{"transport": self.transport(), "clock": self._clock, **options})
        self._verifiers.append(verifier)
        return verifier

    def transport(self) -> MemoryTransport:
        """Reaches this issuer without a socket."""
        return MemoryTransport(self)

    def close(self) -> None:
        """Close the verifiers that were made here."""
        while self._verifiers:
            self._verifiers.pop().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- answers ------------------------------------------------------------------------------

    @property
    def jwks_uri(self) -> str:
        """Where the keys are published."""
        return f"{self.issuer.rstrip('/')}/jwks"

    def answer(self, request: Get) -> Response:
        """What the issuer sends back while it answers at all."""
        self.requests.append(request.url)
        if self.behaviour is Behaviour.ERROR:
            return Response(500)
        if self.behaviour is Behaviour.GARBAGE:
            return Response(200, {"content-type": "text/html"}, b"<html>\xff")
        if self.behaviour is Behaviour.REDIRECT:
            return Response(302, {"location": f"{self.issuer}/elsewhere"})
        if self.behaviour is Behaviour.HUGE:
            return Response(200, {}, b" " * (request.max_bytes + 1))
        return self._answer_well(request)

    def _answer_well(self, request: Get) -> Response:
        paths = [urlsplit(url).path for url in metadata_urls(self.issuer)]
        path = urlsplit(request.url).path
        if path in paths:
            metadata = {"issuer": self.issuer, "jwks_uri": self.jwks_uri}
            if self.statuses is not None:
                metadata["status_list_stream_endpoint"] = self.statuses.stream_uri
            return Response(200, {"content-type": "application/json"}, strict_json.encode(metadata))
        if self.statuses is not None and request.url == self.statuses.uri:
            return Response(200, {"content-type": request.accept}, self.statuses.render())
        if path != urlsplit(self.jwks_uri).path:
            return Response(404)
        body = strict_json.encode(
            {"keys": []} if self.behaviour is Behaviour.EMPTY else self.jwks()
        )
        headers = {"etag": f'"{hashlib.sha256(body).hexdigest()[:16]}"'}
        if self.cache_control is not None:
            headers["cache-control"] = self.cache_control
        if request.etag == headers["etag"]:
            return Response(304, headers)
        return Response(200, {**headers, "content-type": "application/jwk-set+json"}, body)


class MemoryTransport:
    """A `Transport` that calls the issuer.

    A `get` that hangs ends by `cancel`, when the issuer behaves otherwise, or after 30 s.
    """

    def __init__(self, issuer: FakeIssuer) -> None:
        self._issuer = issuer
        self._cancelled = threading.Event()

    def get(self, request: Get) -> Response:
        """The issuer's answer. Raises FetchFailed as its behaviour says."""
        self._cancelled.clear()
        if self._issuer.behaviour is Behaviour.UNREACHABLE:
            raise FetchFailed(f"{request.url}: nobody is there")
        if self._issuer.behaviour in _HANGING:
            self._issuer.requests.append(request.url)
            self._hang()
            raise FetchFailed(f"{request.url}: not answered in time")
        response = self._issuer.answer(request)
        if len(response.body) > request.max_bytes:
            raise FetchFailed(f"{request.url}: the answer is too large")
        return response

    def cancel(self) -> None:
        """Make a `get` that hangs end."""
        self._cancelled.set()

    @contextmanager
    def stream(
        self, request: Get, *, last_event_id: str | None, silence_seconds: float
    ) -> Iterator[Iterator[bytes]]:
        """The issuer's stream. Raises FetchFailed unless it behaves well and keeps statuses."""
        self._cancelled.clear()
        statuses = self._issuer.statuses
        if statuses is None or self._issuer.behaviour is not Behaviour.WELL:
            raise FetchFailed(f"{request.url}: nothing is streamed here")
        yield statuses.listen(request, last_event_id, silence_seconds, self._cancelled)

    def clone(self) -> MemoryTransport:
        """Another way to the same issuer."""
        return MemoryTransport(self._issuer)

    def _hang(self) -> None:
        deadline = time.monotonic() + HANG_SECONDS
        while self._issuer.behaviour in _HANGING and time.monotonic() < deadline:
            if self._cancelled.wait(0.005):
                return
