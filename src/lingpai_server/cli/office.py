"""Runs one act of an operator against the data folder, and turns its refusals into one line.

Works before the server ever ran, and while it runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lingpai_server.cli.options import fail, read_config
from lingpai_server.cli.printing import print_first_start
from lingpai_server.core.secret import Secret

if TYPE_CHECKING:
    from lingpai_server.app.admin.office import Office
    from lingpai_server.main import Premises

T = TypeVar("T")


def at_office(
    act: Callable[[Office], Awaitable[T]],
    *,
    data: Path | None,
    config: Path | None,
    as_json: bool = False,
) -> T:
    """What `act` returns; exits with 1 and one line if it is refused."""
    return at_premises(
        lambda premises: act(premises.office), data=data, config=config, as_json=as_json
    )


def at_premises(
    act: Callable[[Premises], Awaitable[T]],
    *,
    data: Path | None,
    config: Path | None,
    as_json: bool = False,
) -> T:
    """The same for an act that needs more than the office, such as the opened keys."""
    import asyncio

    from lingpai_server.app.admin.office import Rejected
    from lingpai_server.core.ports import (
        AlreadyExists,
        HasherBusy,
        NotFound,
        StaleState,
        StoreUnavailable,
    )
    from lingpai_server.main import StartError, opened

    loaded = read_config(config, data)

    async def run() -> T:
        async with opened(loaded.config, os.environ) as premises:
            if premises.first_start is not None:
                print_first_start(premises.first_start, sys.stderr if as_json else None)
            return await act(premises)

    try:
        return asyncio.run(run())
    except StaleState:
        fail("it changed at the same moment; try again")
    except (Rejected, AlreadyExists, NotFound, StoreUnavailable, StartError, HasherBusy) as error:
        fail(str(error))


def read_password(*, from_stdin: bool) -> Secret[str] | None:
    """The first line of standard input, without its end; None if it is not to be read."""
    if not from_stdin:
        return None
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        fail("standard input holds no password")
    return Secret(line)
