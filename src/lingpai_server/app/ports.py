"""What the use cases ask of the key ring beside signing. No implementation."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from lingpai.jose.key_set import KeySet
from lingpai_server.core.ports import PasswordHasher, Signer
from lingpai_server.core.records import Client, KeyPurpose, StoredKey
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

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The signature algorithms that there is an active published key for, sorted."""

    async def reload(self) -> bool:
        """Look for keys that another process made; whether there are any."""

    def seal_token(self, claims: Mapping[str, Any], *, typ: str) -> str:
        """An opaque token: one that only this issuer can read, with these claims in it."""

    def seal_ticket(self, purpose: str, members: Mapping[str, Any]) -> str:
        """What only this issuer can read and nobody can alter: a compact JWE, URL-safe."""

    def open_ticket(self, purpose: str, ticket: str) -> Mapping[str, Any] | None:
        """What `seal_ticket` sealed for that purpose; None for anything else. Its age is for the
        caller to judge."""

    def pairwise_subject(self, sector: str, user_id: str) -> str:
        """The subject that one sector knows a user by (OpenID Connect Core section 8.1)."""

    async def read_own_token(
        self, raw: str, *, typ: str, shared_with: Collection[str] = ()
    ) -> Mapping[str, Any] | None:
        """The claims of a token that this issuer signed or sealed, whatever API it is for, expired
        or not; None for anything else, and for one that is encrypted to somebody else's key. Says
        nothing about revocation.

        An API that chose HS256 knows the key and can make such a token itself. It is read only if
        it is for one of the audiences `shared_with`: where whoever asks gains nothing by it.
        """


class ClientKeys(Protocol):
    """Where the public keys of clients come from."""

    async def keys_of(self, client: Client, *, fresh: bool = False) -> KeySet | None:
        """The keys that the client registered, by value or by `jwks_uri`; None if it has none or
        they cannot be had now. `fresh` asks anew, for a key that is not among them."""


class ClientResolver(Protocol):
    """Brings in the clients whose identifier is the URL of their metadata."""

    async def resolve_client(self, client_id: str) -> bool:
        """To be awaited before the facts about a client are loaded: when it answers, the store
        holds what the document of such a client says now. False says that there is no such client,
        whatever the store holds. True for any other identifier. Raises StoreUnavailable."""


class KeyMaker(Protocol):
    """Makes keys and seals them."""

    def make_signing_key(self, algorithm: str, *, now: int) -> StoredKey:
        """A private key of the issuer."""

    def make_issuer_secret(self, purpose: KeyPurpose, *, now: int) -> StoredKey:
        """A symmetric key of the issuer's own: TICKET, OPAQUE_TOKEN or PAIRWISE. The first of its
        kind has a fixed name, so that only one can be stored."""

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
