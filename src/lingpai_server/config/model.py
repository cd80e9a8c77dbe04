"""The configuration tree: every setting with its kind, default, unit and meaning, in one table.

The loader, the command line's `check-config` and the generated reference read this table; nothing
about a setting is written down twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from lingpai_server.config.kinds import (
    Choice,
    Digests,
    Flag,
    Folder,
    HeaderName,
    Host,
    Integer,
    Issuer,
    Kind,
    Networks,
    OptionalFolder,
    Texts,
)
from lingpai_server.core.client_settings import SecurityProfile

T = TypeVar("T")

_DAY = 24 * 60 * 60
_YEAR = 366 * _DAY


def setting(default: T, kind: Kind[T], meaning: str) -> T:
    """A field of a section. What it returns is what `dataclasses.field` returns."""
    return field(default=default, metadata={"kind": kind, "meaning": meaning})


@dataclass(frozen=True, slots=True)
class ServerSection:
    """Where the server listens, and what it is called."""

    host: str = setting("127.0.0.1", Host(), "The address to listen on.")
    port: int = setting(8000, Integer(1, 65535), "The port to listen on.")
    issuer: str = setting(
        "",
        Issuer(),
        "The URL that clients and verifiers know this issuer by, exactly as it stands in `iss`. "
        "Empty: `http://host:port` when `host` is loopback; anywhere else it has to be set.",
    )
    tls_certificate_file: Path | None = setting(  # noqa: RUF009 - it is dataclasses.field
        None,
        OptionalFolder(),
        "The certificate chain, in PEM, to serve https with. Empty: plain http, for loopback or "
        "behind a proxy that speaks https.",
    )
    tls_key_file: Path | None = setting(  # noqa: RUF009 - it is dataclasses.field
        None, OptionalFolder(), "Its private key, in PEM, not encrypted."
    )
    workers: int = setting(1, Integer(1, 64), "Processes that answer requests.")
    trusted_proxies: tuple[str, ...] = setting(
        (),
        Networks(),
        "Proxies whose `X-Forwarded-For` is believed. From anyone else the header is ignored.",
    )
    client_certificate_header: str = setting(
        "",
        HeaderName(),
        "The header in which a trusted proxy tells the certificate that a client showed it, as "
        "RFC 9440 writes it (`client-cert`) or as percent-encoded PEM. The proxy has to remove it "
        "from what clients send. Empty: clients have no certificates.",
    )
    client_certificate_ca_file: Path | None = setting(  # noqa: RUF009 - it is dataclasses.field
        None,
        OptionalFolder(),
        "Certificates, in PEM, of the authorities that vouch for clients which authenticate with "
        "`tls_client_auth`: those that issue to clients themselves, since no chain comes along. "
        "Empty: nobody can.",
    )
    max_body_bytes: int = setting(
        65536, Integer(1024, 16777216, "bytes"), "The longest request body; a longer one gets 413."
    )
    log_level: str = setting(
        "info", Choice(("debug", "info", "warning", "error")), "The least severe line to log."
    )
    log_format: str = setting(
        "text", Choice(("text", "json")), "One readable line an entry, or one JSON object a line."
    )
    access_log: bool = setting(False, Flag(), "Log a line for every request.")


@dataclass(frozen=True, slots=True)
class StorageSection:
    """Where what must not be lost is kept."""

    data_dir: Path = setting(  # noqa: RUF009 - it is dataclasses.field
        Path("lingpai-data"), Folder(), "The folder of the database and of the sealing key."
    )


@dataclass(frozen=True, slots=True)
class TokensSection:
    """Access tokens."""

    access_ttl_seconds: int = setting(
        300,
        Integer(30, 3600, "seconds"),
        "How long the access tokens of a newly created API live.",
    )


@dataclass(frozen=True, slots=True)
class StatusSection:
    """What verifiers are told of tokens that no longer count."""

    list_ttl_seconds: int = setting(
        60,
        Integer(5, 3600, "seconds"),
        "How long whoever does not follow the stream may keep a status list.",
    )
    max_streams: int = setting(
        10_000,
        Integer(1, 1_000_000, "connections"),
        "How many verifiers may follow one process; more of them fetch the lists.",
    )


@dataclass(frozen=True, slots=True)
class SessionsSection:
    """How long a login lasts."""

    idle_seconds: int = setting(
        14 * _DAY, Integer(60, _YEAR, "seconds"), "A session not refreshed for this long ends."
    )
    absolute_seconds: int = setting(
        90 * _DAY,
        Integer(60, 5 * _YEAR, "seconds"),
        "A session ends this long after the login, however often it is refreshed.",
    )
    grace_seconds: int = setting(
        10,
        Integer(0, 300, "seconds"),
        "How long the refresh token before the current one still gets the current one: "
        "two tabs, or an answer that was lost, log nobody out.",
    )


@dataclass(frozen=True, slots=True)
class PasswordsSection:
    """Argon2id (RFC 9106), and how much of the machine it may take."""

    memory_kib: int = setting(19456, Integer(8192, 4194304, "KiB"), "Memory of one computation.")
    iterations: int = setting(2, Integer(1, 100), "Passes over that memory.")
    lanes: int = setting(1, Integer(1, 64), "Degree of parallelism.")
    min_length: int = setting(
        15,
        Integer(8, 64, "characters"),
        "The shortest password that may be chosen (NIST SP 800-63B-4: 15, or 8 with a second "
        "factor).",
    )
    threads: int = setting(
        2, Integer(1, 64), "Computations at one time in one process; each holds `memory_kib`."
    )
    queue: int = setting(
        64,
        Integer(0, 10000),
        "Logins that may wait for a thread; one more is answered 503 with `Retry-After`.",
    )


@dataclass(frozen=True, slots=True)
class ThrottleSection:
    """How often a password may be tried. After the free attempts the wait doubles each time."""

    pair_free: int = setting(
        5, Integer(1, 1000), "Free attempts at one account from one address (IPv6: one /64)."
    )
    pair_cap_seconds: int = setting(900, Integer(1, _DAY, "seconds"), "The longest wait there.")
    account_free: int = setting(
        50, Integer(1, 100000), "Free attempts at one account from all addresses together."
    )
    account_cap_seconds: int = setting(60, Integer(1, _DAY, "seconds"), "The longest wait there.")
    address_free: int = setting(
        100, Integer(1, 1000000), "Free attempts from one address at all accounts together."
    )
    address_cap_seconds: int = setting(60, Integer(1, _DAY, "seconds"), "The longest wait there.")
    half_life_seconds: int = setting(
        3600, Integer(60, _YEAR, "seconds"), "How long until half of the failures are forgotten."
    )


@dataclass(frozen=True, slots=True)
class KeysSection:
    """Keys at rest."""

    sealing_key_file: Path | None = setting(  # noqa: RUF009 - it is dataclasses.field
        None,
        OptionalFolder(),
        "The key that seals private keys in the database: 32 bytes in base64url. Empty: "
        "`sealing.key` in the data folder, made on the first start. The environment variable "
        "`LINGPAI_SEALING_KEY` may hold the key itself instead.",
    )


@dataclass(frozen=True, slots=True)
class DpopSection:
    """Proofs that a client holds the key its tokens are bound to (RFC 9449)."""

    require_nonce: bool = setting(
        False,
        Flag(),
        "Ask for a nonce of the server's in every proof: one that was made in advance is of no "
        "use then, at the price of one more request now and then.",
    )


@dataclass(frozen=True, slots=True)
class OutgoingSection:
    """What the server asks of others: public addresses only, over https only, no redirects."""

    allowed_networks: tuple[str, ...] = setting(
        (), Networks(), "Networks that may be called although their addresses are not public."
    )
    loopback: bool = setting(
        False,
        Flag(),
        "Let it call this machine itself, over plain http too. For development: it has to be "
        "false unless the issuer is on loopback.",
    )
    ca_file: Path | None = setting(  # noqa: RUF009 - it is dataclasses.field
        None, OptionalFolder(), "Certificates in PEM to trust beside those of the system."
    )
    timeout_seconds: int = setting(
        5, Integer(1, 60, "seconds"), "One request is given up after this long, as a whole."
    )
    parallel: int = setting(64, Integer(1, 1024), "Requests of one kind at one time.")


@dataclass(frozen=True, slots=True)
class RegistrationSection:
    """Clients that nobody here made: ones that register themselves, and ones known by a URL."""

    mode: str = setting(
        "closed",
        Choice(("closed", "token", "open")),
        "Who may register a client (RFC 7591): nobody, who holds an initial access token, or "
        "everybody.",
    )
    initial_access_tokens: tuple[str, ...] = setting(
        (),
        Digests(),
        "The digests of the tokens that let in where `mode` is `token`; "
        "`lingpai client registration-token` makes such a token.",
    )
    metadata_documents: bool = setting(
        False,
        Flag(),
        "Let an https URL be a client's identifier: what the client is stands in the document "
        "there (draft-ietf-oauth-client-id-metadata-document).",
    )
    metadata_hosts: tuple[str, ...] = setting(
        (), Texts(), "The hosts whose documents are believed; an empty list: any host's."
    )
    audiences: tuple[str, ...] = setting(
        (), Texts(), "The APIs that such clients may ask tokens for, the first by default."
    )
    profiles: tuple[str, ...] = setting(
        ("oauth21",),
        Texts(tuple(SecurityProfile), least=1),
        "The security profiles that such clients may have, the first by default.",
    )
    grant_types: tuple[str, ...] = setting(
        (
            *("authorization_code", "refresh_token"),
            "urn:ietf:params:oauth:grant-type:device_code",
        ),
        Texts(
            (
                *("authorization_code", "refresh_token", "client_credentials"),
                "urn:ietf:params:oauth:grant-type:device_code",
            ),
            least=1,
        ),
        "The grants that such clients may use.",
    )
    address_free: int = setting(
        20,
        Integer(1, 1000000),
        "Where `mode` is `open`: registrations from one address that need not wait.",
    )
    address_cap_seconds: int = setting(
        3600, Integer(1, _DAY, "seconds"), "The longest wait after those."
    )


@dataclass(frozen=True, slots=True)
class Config:
    """The whole tree. Made by `config.loader.load_config`, once, and never changed."""

    server: ServerSection = field(default_factory=ServerSection)
    storage: StorageSection = field(default_factory=StorageSection)
    tokens: TokensSection = field(default_factory=TokensSection)
    status: StatusSection = field(default_factory=StatusSection)
    sessions: SessionsSection = field(default_factory=SessionsSection)
    passwords: PasswordsSection = field(default_factory=PasswordsSection)
    throttle: ThrottleSection = field(default_factory=ThrottleSection)
    keys: KeysSection = field(default_factory=KeysSection)
    dpop: DpopSection = field(default_factory=DpopSection)
    outgoing: OutgoingSection = field(default_factory=OutgoingSection)
    registration: RegistrationSection = field(default_factory=RegistrationSection)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, described: what the loader and the reference need to know of it."""

    section: str
    name: str
    default: object
    kind: Kind[object]
    meaning: str

    @property
    def key(self) -> str:
        """Its name in messages and in `check-config`."""
        return f"{self.section}.{self.name}"

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"LINGPAI_{self.section}__{self.name}".upper()


SECTIONS: dict[str, type[Any]] = {
    "server": ServerSection,
    "storage": StorageSection,
    "tokens": TokensSection,
    "status": StatusSection,
    "sessions": SessionsSection,
    "passwords": PasswordsSection,
    "throttle": ThrottleSection,
    "keys": KeysSection,
    "dpop": DpopSection,
    "outgoing": OutgoingSection,
    "registration": RegistrationSection,
}


def all_settings() -> Iterator[Setting]:
    """Every setting of the tree, in the order it is written down."""
    for section, cls in SECTIONS.items():
        for described in fields(cls):
            yield _describe(section, described)


def _describe(section: str, described: Field[Any]) -> Setting:
    metadata = described.metadata
    return Setting(
        section, described.name, described.default, metadata["kind"], metadata["meaning"]
    )
