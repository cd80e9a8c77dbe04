"""The composition root: configuration becomes a store and keys; `assembly` makes the rest of them.

It opens what has to be closed, and closes it. It decides nothing and renders nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from lingpai.errors import InvalidKey
from lingpai_server.accounts.passwords import PasswordPolicy
from lingpai_server.accounts.phc import Argon2Parameters
from lingpai_server.app.admin.office import Office
from lingpai_server.app.bootstrap import FirstStart, bootstrap
from lingpai_server.app.hashing import Argon2Pool
from lingpai_server.app.upkeep import Upkeep
from lingpai_server.config.loader import SEALING_KEY_VARIABLE
from lingpai_server.config.model import Config
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
from lingpai_server.storage.errors import SchemaError
from lingpai_server.storage.sqlite import SqliteStore

if TYPE_CHECKING:
    pass

LOG = logging.getLogger("lingpai.serve")

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

    Raises StartError or CannotListen.
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
    # here, since what serves takes long to import, and the command line needs none of it
    from lingpai_server.assembly import CannotAssemble, assemble
    from lingpai_server.http.serving import TlsFiles, serve_app

    keys = await open_keys(premises)
    try:
        parts = assemble(premises.config, premises.store, premises.hasher, keys)
    except CannotAssemble as error:
        raise StartError(str(error)) from error
    chores = [
        asyncio.create_task(chore)
        for chore in (
            Upkeep(premises.store, keys).run(),
            parts.logout_teller.run(),
            parts.statuses.run(),
        )
    ]
    for chore in chores:
        chore.add_done_callback(_report)
    server = premises.config.server
    certificate, key = server.tls_certificate_file, server.tls_key_file
    tls = None if certificate is None or key is None else TlsFiles(certificate, key)
    try:
        await serve_app(
            parts.app, server.host, server.port, stop=stop, on_listening=on_listening, tls=tls
        )
    finally:
        for chore in chores:
            chore.remove_done_callback(_report)
            chore.cancel()
        await asyncio.gather(*chores, return_exceptions=True)
        parts.close()


def _report(chore: asyncio.Task[NoReturn]) -> None:
    """A chore goes on for ever; one that ends would be missed by nobody."""
    if not chore.cancelled():
        LOG.critical("a background task has ended: restart the server", exc_info=chore.exception())


async def open_keys(premises: Premises, *, issuer: str | None = None) -> LiveKeyRing:
    """The key ring of the store; `issuer` is whose tokens it reads if it is not the configured one.
    Raises StartError if the sealing key is not the one it needs."""
    url = issuer or premises.config.server.issuer
    try:
        stored = await premises.store.load_keys()
        return LiveKeyRing(premises.store, premises.sealing, stored, issuer=url)
    except (SealBroken, InvalidKey, NoRefreshKey) as error:
        folder = premises.config.storage.data_dir
        raise StartError(f"{error}; is it the sealing key that {folder} was made with?") from error


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
