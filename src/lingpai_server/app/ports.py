"""What the use cases ask of the key ring beside signing. No implementation."""

from __future__ import annotations

from typing import Protocol

from lingpai_server.core.ports import PasswordHasher, Signer
from lingpai_server.core.records import StoredKey
from lingpai_server.core.secret import Secret
from lingpai_server.sessions.refresh_token import RefreshKeys


class KeyRing(Signer, Protocol):
    """The keys of a running server; what it answers may change from one call to the next."""

    @property
    def refresh_keys(self) -> RefreshKeys:
        """The MAC keys of refresh tokens, by version."""

    @property
    def problem(self) -> str | None:
        """Why the newest keys of the store cannot be used, so that older ones are; None if not."""

    async def reload(self) -> bool:
        """Look for keys that another process made; whether there are any."""


class KeyMaker(Protocol):
    """Makes keys and seals them."""

    def make_signing_key(self, algorithm: str, *, now: int) -> StoredKey:
        """A private key of the issuer."""

    def make_refresh_key(self, version: int, *, now: int) -> StoredKey:
        """A MAC key for refresh tokens."""

    def make_api_secret(
        self, audience: str, algorithm: str, *, now: int
    ) -> tuple[StoredKey, Secret[str]]:
        """A symmetric key of one API, and its JWK to show once."""


class BoundedHasher(PasswordHasher, Protocol):
    """A password hasher that says beforehand whether it has room."""

    def check_room(self) -> None:
        """Raises HasherBusy if a computation asked for now would be refused."""
