"""The composition root: configuration becomes a store, keys, use cases and an application.

The only module that knows every part. It decides nothing and renders nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lingpai.errors import InvalidKey
from lingpai_server.accounts.passwords import PasswordPolicy
from lingpai_server.accounts.phc import Argon2Parameters
from lingpai_server.accounts.throttle import ThrottlePolicy, ThrottleRule
from lingpai_server.app.admin.office import Office
from lingpai_server.app.bootstrap import FirstStart, bootstrap
from lingpai_server.app.certificates import CertificateReader
from lingpai_server.app.client_keys import LiveClientKeys
from lingpai_server.app.clock import Clock, now
from lingpai_server.app.device import AuthorizeDevice
from lingpai_server.app.ending import LogOut, RevokeToken
from lingpai_server.app.fetching import Fetcher
from lingpai_server.app.hashing import Argon2Pool
from lingpai_server.app.introspection import Introspect
from lingpai_server.app.login import LogIn
from lingpai_server.app.outgoing import OutgoingPolicy
from lingpai_server.app.proofs import Proofs
from lingpai_server.app.standing import Metadata, Readiness
from lingpai_server.app.token import GrantTokens
from lingpai_server.app.upkeep import Upkeep
from lingpai_server.app.userinfo import Userinfo
from lingpai_server.config.loader import SEALING_KEY_VARIABLE
from lingpai_server.config.model import Config, ThrottleSection
from lingpai_server.core.ports import Store, StoreUnavailable
from lingpai_server.keys.making import SealedKeyMaker
from lingpai_server.keys.ring import NoRefreshKey
from lingpai_server.keys.sealing import (
    DEFAULT_FILE_NAME,
    SealBroken,
    SealingKey,
    SealingKeyError,
    create_sealing_key,
    load_sealing_key,
    read_sealing_key,
)
from lingpai_server.keys.signer import LiveKeyRing
from lingpai_server.protocol.discovery import Features
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.sessions.policy import SessionPolicy
from lingpai_server.storage.errors import SchemaError
from lingpai_server.storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from lingpai_server.http.hardening import AsgiApp

DATABASE_FILE_NAME = "lingpai.db"


class StartError(Exception):
    """The server cannot start. The message says why, in one line for the operator."""


@dataclass(frozen=True, slots=True)
class Premises:
    """What the data folder holds, opened. `first_start` is set if this opening filled it."""

    config: Config
    store: Store
    sealing: SealingKey
    hasher: Argon2Pool
    office: Office
    first_start: FirstStart | None


@contextlib.asynccontextmanager
async def opened(config: Config, environ: Mapping[str, str]) -> AsyncIterator[Premises]:
    """Open the data folder, filling it if it is empty, and close it in the end.

    The command line and the server do this alike, and may do it at once. Raises StartError.
    """
    store = _open_store(config)
    hasher = _make_hasher(config)
    try:
        sealing = await _find_sealing_key(config, environ, store)
        office = Office(
            store=store,
            maker=SealedKeyMaker(sealing),
            hasher=hasher,
            passwords=PasswordPolicy(min_length=config.passwords.min_length),
            access_ttl_seconds=config.tokens.access_ttl_seconds,
        )
        yield Premises(config, store, sealing, hasher, office, await bootstrap(office))
    except (SealingKeyError, StoreUnavailable) as error:
        raise StartError(str(error)) from error
    finally:
        hasher.close()
        await store.close()


async def serve(
    config: Config,
    environ: Mapping[str, str],
    *,
    on_first_start: Callable[[FirstStart], None],
    on_listening: Callable[[], None],
    lifeline: int | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, or until the descriptor `lifeline` becomes readable.

    Raises StartError, CannotListen or ServerDied.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if lifeline is not None:
        loop.add_reader(lifeline, stop.set)
    async with opened(config, environ) as premises:
        if premises.first_start is not None:
            on_first_start(premises.first_start)
        await _serve_opened(premises, stop, on_listening)


async def _serve_opened(
    premises: Premises, stop: asyncio.Event, on_listening: Callable[[], None]
) -> None:
    from lingpai_server.http.serving import TlsFiles, serve_app  # see make_app

    keys = await open_keys(premises)
    upkeep = asyncio.create_task(Upkeep(premises.store, keys).run())
    server = premises.config.server
    certificate, key = server.tls_certificate_file, server.tls_key_file
    tls = None if certificate is None or key is None else TlsFiles(certificate, key)
    try:
        app = make_app(premises, keys)
        await serve_app(
            app, server.host, server.port, stop=stop, on_listening=on_listening, tls=tls
        )
    finally:
        upkeep.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await upkeep


async def open_keys(premises: Premises) -> LiveKeyRing:
    """The key ring of the store. Raises StartError if the sealing key is not the one it needs."""
    try:
        stored, issuer = await premises.store.load_keys(), premises.config.server.issuer
        return LiveKeyRing(premises.store, premises.sealing, stored, issuer=issuer)
    except (SealBroken, InvalidKey, NoRefreshKey) as error:
        folder = premises.config.storage.data_dir
        raise StartError(f"{error}; is it the sealing key that {folder} was made with?") from error


def make_app(premises: Premises, keys: LiveKeyRing, *, clock: Clock = now) -> AsgiApp:
    """The application over opened premises; whoever calls this serves it."""
    # here, since the framework takes half a second to import and the command line needs none of it
    from lingpai_server.http.address import parse_networks
    from lingpai_server.http.app import create_app
    from lingpai_server.http.endpoints import Endpoints
    from lingpai_server.http.exchange import ReadingLimits
    from lingpai_server.http.routes import routes
    from lingpai_server.http.token_readers import TokenReaders
    from lingpai_server.http.wellknown import WellKnown

    config, store, server = premises.config, premises.store, premises.config.server
    policy = IssuePolicy(server.issuer, _session_policy(config))
    throttle = _throttle_policy(config.throttle)
    client_keys = LiveClientKeys(Fetcher(OutgoingPolicy()))
    certificates, require_nonce = _certificate_reader(config), config.dpop.require_nonce
    proofs = Proofs(store, keys, client_keys, policy, clock, certificates, require_nonce)
    endpoints = Endpoints(
        issuer=server.issuer,
        log_in=LogIn(store, keys, proofs, premises.hasher, policy, throttle, clock),
        grant_tokens=GrantTokens(store, keys, client_keys, proofs, policy, clock),
        authorize_device=AuthorizeDevice(store, proofs, policy, clock),
        log_out=LogOut(store, keys, clock),
    )
    token_readers = TokenReaders(
        userinfo=Userinfo(store, keys, client_keys, policy, clock, certificates, require_nonce),
        introspect=Introspect(store, keys, proofs, policy, clock),
        revoke_token=RevokeToken(store, keys, proofs, policy, clock),
    )
    features = Features(
        certificates=bool(server.client_certificate_header and server.trusted_proxies),
        authorities=certificates.vouches,
    )
    metadata = Metadata(store, keys, server.issuer, features)
    well_known = WellKnown(metadata, Readiness(store, keys), keys)
    return create_app(
        routes(endpoints, token_readers, well_known, issuer=server.issuer),
        ReadingLimits(
            server.max_body_bytes,
            parse_networks(server.trusted_proxies),
            certificate_header=server.client_certificate_header,
        ),
        https=server.issuer.startswith("https:"),
        log_access=server.access_log,
    )


def _open_store(config: Config) -> SqliteStore:
    try:
        return SqliteStore.open(config.storage.data_dir / DATABASE_FILE_NAME)
    except (StoreUnavailable, SchemaError, OSError) as error:
        raise StartError(f"{config.storage.data_dir}: {error}") from error


async def _find_sealing_key(config: Config, environ: Mapping[str, str], store: Store) -> SealingKey:
    """From the environment, or from a file, which is made only where nothing is sealed yet."""
    text = environ.get(SEALING_KEY_VARIABLE)
    if text:
        return read_sealing_key(text, SEALING_KEY_VARIABLE)
    if config.keys.sealing_key_file is not None:
        return load_sealing_key(config.keys.sealing_key_file)
    file = config.storage.data_dir / DEFAULT_FILE_NAME
    if await store.load_keys():
        return load_sealing_key(file)
    return create_sealing_key(file)


def _make_hasher(config: Config) -> Argon2Pool:
    passwords = config.passwords
    parameters = Argon2Parameters(passwords.memory_kib, passwords.iterations, passwords.lanes)
    return Argon2Pool(parameters, threads=passwords.threads, queue=passwords.queue)


def _certificate_reader(config: Config) -> CertificateReader:
    file = config.server.client_certificate_ca_file
    try:
        return CertificateReader(file)
    except (OSError, ValueError) as error:
        raise StartError(f"{file}: {error}") from error


def _session_policy(config: Config) -> SessionPolicy:
    sessions = config.sessions
    return SessionPolicy(sessions.idle_seconds, sessions.absolute_seconds, sessions.grace_seconds)


def _throttle_policy(section: ThrottleSection) -> ThrottlePolicy:
    return ThrottlePolicy(
        pair=ThrottleRule(section.pair_free, 1, section.pair_cap_seconds),
        account=ThrottleRule(section.account_free, 1, section.account_cap_seconds),
        address=ThrottleRule(section.address_free, 1, section.address_cap_seconds),
        half_life_seconds=section.half_life_seconds,
    )
