"""`lingpai token why`: which check refuses a token, and what its issuer knows of it.

For an operator who is asked at night why somebody cannot get in. Shows no secret and no token.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lingpai_server.cli.options import (
    EXIT_REFUSED,
    EXIT_USAGE,
    AsJson,
    ConfigFile,
    Data,
    fail,
    read_config,
)
from lingpai_server.cli.token_input import read_token
from lingpai_server.cli.token_options import EXIT_UNDECIDED, TokenArgument

if TYPE_CHECKING:
    from lingpai.verifier.transport import Transport
    from lingpai_server.app.admin.knowledge import Knowledge
    from lingpai_server.cli.why_checks import Findings
    from lingpai_server.config.model import Config
    from lingpai_server.main import Premises


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found; `knowledge` where the issuer's data folder was at hand."""

    findings: Findings
    knowledge: Knowledge | None


def why(
    token: TokenArgument = None,
    issuer: Annotated[
        str | None,
        typer.Option("--issuer", metavar="URL", help="Ask this issuer over the network."),
    ] = None,
    audience: Annotated[
        str | None,
        typer.Option("--audience", metavar="URI", help="The API that it was shown to."),
    ] = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Say which check refuses an access token, and what its issuer knows of it.

    On the issuer's machine its data folder is asked; elsewhere name the --issuer, whose published
    keys and statuses are. With both, --issuer is what `iss` has to be. Exits with 0 if the token is
    good, 1 if it is refused, 3 if that could not be found out.
    """
    from lingpai_server.cli.why_printing import print_answer, print_answer_json

    raw = read_token(token)
    settings = read_config(config, data).config
    if issuer is not None and data is None:
        answer = _ask_remotely(raw, issuer, audience, settings, config=config, as_json=as_json)
    else:
        url = issuer or settings.server.issuer
        _require_store(settings.storage.data_dir)
        answer = _ask_locally(raw, url, audience, data=data, config=config, as_json=as_json)
    (print_answer_json if as_json else print_answer)(answer)
    if answer.findings.refusal is not None:
        raise typer.Exit(EXIT_REFUSED)


def _ask_locally(
    raw: str, issuer: str, audience: str | None, *, data: Data, config: ConfigFile, as_json: bool
) -> Answer:
    from lingpai_server.cli.office import at_premises

    return at_premises(
        lambda premises: examine_at(premises, raw, issuer, audience),
        data=data,
        config=config,
        as_json=as_json,
    )


async def examine_at(premises: Premises, raw: str, issuer: str, audience: str | None) -> Answer:
    """Every check against what the store holds, and what it knows beside that."""
    from lingpai_server.app.admin.knowledge import load_knowledge
    from lingpai_server.app.admin.statuses import load_changes
    from lingpai_server.cli.why_checks import Expected, examine
    from lingpai_server.cli.why_evidence import LocalStatuses, examine_opaque, local_keys
    from lingpai_server.main import open_keys
    from lingpai_server.protocol.access_token import OPAQUE_PREFIX

    office, ring = premises.office, (await open_keys(premises)).ring
    known = await load_changes(office)
    expected = Expected(
        issuer=issuer,
        audience=audience,
        keys=local_keys(ring, raw),
        statuses=LocalStatuses(known, issuer),
        now=office.clock(),
        revoked_kids=frozenset(known.kids),
    )
    if raw.startswith(OPAQUE_PREFIX):
        findings = examine_opaque(ring, raw, expected)
    else:
        findings = examine(raw, expected)
    knowledge = await load_knowledge(office, issuer, findings.kid, findings.claims)
    return Answer(findings, knowledge)


def _ask_remotely(
    raw: str,
    issuer: str,
    audience: str | None,
    settings: Config,
    *,
    config: ConfigFile,
    as_json: bool,
) -> Answer:
    """Over the network; and from the data folder beside it, if that is this very issuer's."""
    from lingpai.verifier.transport import HttpTransport

    findings = examine_from_afar(raw, issuer, audience, HttpTransport())
    if settings.server.issuer != issuer or not _has_store(settings.storage.data_dir):
        return Answer(findings, None)
    from lingpai_server.app.admin.knowledge import load_knowledge
    from lingpai_server.cli.office import at_office

    knowledge = at_office(
        lambda office: load_knowledge(office, issuer, findings.kid, findings.claims),
        data=None,
        config=config,
        as_json=as_json,
    )
    return Answer(findings, knowledge)


def examine_from_afar(
    raw: str, issuer: str, audience: str | None, transport: Transport
) -> Findings:
    """Every check against what the issuer publishes. Exits with 3 if its keys cannot be had."""
    import time

    from lingpai.errors import KeysUnavailable
    from lingpai.verifier.urls import parse_url
    from lingpai_server.cli.why_checks import Expected, examine
    from lingpai_server.cli.why_evidence import RemoteStatuses, fetch_keys
    from lingpai_server.protocol.access_token import OPAQUE_PREFIX

    try:
        parse_url(issuer)
    except ValueError as error:
        fail(f"--issuer: {error}", code=EXIT_USAGE)
    if raw.startswith(OPAQUE_PREFIX):
        fail("only its issuer can read an opaque token: ask there, by --data", code=EXIT_UNDECIDED)
    try:
        keys = fetch_keys(issuer, transport)
    except KeysUnavailable as error:
        fail(f"not decided: {error}", code=EXIT_UNDECIDED)
    statuses = RemoteStatuses(issuer, transport, keys)
    return examine(raw, Expected(issuer, audience, keys, statuses, time.time()))


def _require_store(folder: Path) -> None:
    """Asking fills no folder: the answer would be of an issuer that never was."""
    if not _has_store(folder):
        fail(f"no issuer has its data in {folder}: name --data or --issuer", code=EXIT_USAGE)


def _has_store(folder: Path) -> bool:
    from lingpai_server.main import DATABASE_FILE_NAME

    return (folder / DATABASE_FILE_NAME).exists()
