"""`lingpai token`: inspect and verify tokens.

Making tokens and keys is in `token_making`, and what an operator does about a token in `token_why`
and `token_revoking`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from lingpai_server.cli import token_making, token_revoking, token_why
from lingpai_server.cli.options import EXIT_REFUSED, EXIT_USAGE, AsJson, fail
from lingpai_server.cli.printing import print_json
from lingpai_server.cli.token_input import KeyOptions, read_keys, read_token
from lingpai_server.cli.token_options import (
    EXIT_UNDECIDED,
    Algorithm,
    Allow,
    JwksFile,
    KeyFile,
    PasswordFile,
    SecretFile,
    SecretStdin,
    TokenArgument,
)

if TYPE_CHECKING:
    from lingpai.errors import TokenError
    from lingpai.jwt.policy import Policy
    from lingpai.jwt.token import VerifiedToken
    from lingpai_server.cli.token_view import Look, Size

token_app = typer.Typer(help="Inspect, verify and make tokens and keys.", no_args_is_help=True)

_WAIT_SECONDS = 5.0
_TIME_OF_CODE = {
    "token_expired": "exp",
    "token_not_yet_valid": "nbf",
    "token_issued_in_future": "iat",
}


@token_app.command()
def inspect(token: TokenArgument = None, as_json: AsJson = False) -> None:
    """Show what a token says, UNVERIFIED. Anyone can have written it."""
    from lingpai.errors import MalformedToken
    from lingpai_server.cli.token_printing import print_look
    from lingpai_server.cli.token_view import look_at

    raw, now = read_token(token), time.time()
    try:
        look = look_at(raw)
    except MalformedToken as refusal:
        _refuse(refusal, as_json=as_json)
    if as_json:
        print_json(_describe_look(look, now=now))
    else:
        print_look(look, now=now)


@token_app.command()
def verify(
    token: TokenArgument = None,
    issuer: Annotated[
        str | None,
        typer.Option("--issuer", metavar="URL", help="Who must have issued it (iss)."),
    ] = None,
    audience: Annotated[
        list[str] | None,
        typer.Option("--audience", metavar="URI", help="Whom it must be for (aud); repeatable."),
    ] = None,
    typ: Annotated[
        str, typer.Option("--typ", metavar="TYP", help="What kind of token it must be.")
    ] = "at+jwt",
    key: KeyFile = None,
    jwks: JwksFile = None,
    secret_file: SecretFile = None,
    secret_stdin: SecretStdin = False,
    password_file: PasswordFile = None,
    alg: Algorithm = None,
    allow: Allow = None,
    any_issuer: Annotated[
        bool, typer.Option("--any-issuer", help="Do not check who issued it.")
    ] = False,
    any_audience: Annotated[
        bool, typer.Option("--any-audience", help="Do not check whom it is for.")
    ] = False,
    no_typ: Annotated[
        bool, typer.Option("--no-typ", help="It names no kind, or only JWT.")
    ] = False,
    ignore_status: Annotated[
        bool, typer.Option("--ignore-status", help="Do not ask whether it was revoked.")
    ] = False,
    ignore_binding: Annotated[
        bool, typer.Option("--ignore-binding", help="Do not ask for proof of its key (cnf).")
    ] = False,
    leeway: Annotated[
        int, typer.Option("--leeway", metavar="SECONDS", help="How far clocks may differ.")
    ] = 0,
    at: Annotated[
        float | None,
        typer.Option("--at", metavar="SECONDS", help="Verify as of this time since the epoch."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verify a token and show it, or say why it is refused.

    With --key, --jwks or a secret nothing is fetched; with --issuer alone that issuer's keys are.
    Exits with 0 if the token passed, 1 if it was refused, 3 if the keys could not be had.
    """
    options = KeyOptions(
        key=key,
        jwks=jwks,
        secret_file=secret_file,
        secret_stdin=secret_stdin,
        password_file=password_file,
        alg=alg,
        allow=tuple(allow or ()),
    )
    if secret_stdin and token in (None, "-"):
        fail("with --secret-stdin the token is an argument", code=EXIT_USAGE)
    if options.sources == 0 and issuer is None:
        fail("name a key (--key, --jwks, --secret-file) or an --issuer", code=EXIT_USAGE)
    _check_said_once("issuer", issuer, waived=any_issuer)
    _check_said_once("audience", audience, waived=any_audience)
    policy = _make_policy(
        issuer,
        audience,
        None if no_typ else typ,
        ignore_status=ignore_status,
        ignore_binding=ignore_binding,
        leeway=leeway,
    )
    _verify(read_token(token), policy, options, at=at, as_json=as_json)


def _check_said_once(name: str, value: object, *, waived: bool) -> None:
    """A check is asked for or waived, by name; neither is a usage error, and so is both."""
    if value is None and not waived:
        fail(f"name an --{name}, or waive the check with --any-{name}", code=EXIT_USAGE)
    if value is not None and waived:
        fail(f"--{name} and --any-{name} contradict each other", code=EXIT_USAGE)


def _make_policy(
    issuer: str | None,
    audience: Sequence[str] | None,
    typ: str | None,
    *,
    ignore_status: bool,
    ignore_binding: bool,
    leeway: int,
) -> Policy:
    """None is the waiver that was given by name; an empty text is refused as any bad value is."""
    from lingpai.jwt import policy as policies
    from lingpai.jwt.profiles import ACCESS_TOKEN, GENERIC

    try:
        return policies.Policy(
            issuer=policies.ANY_ISSUER if issuer is None else issuer,
            audience=policies.ANY_AUDIENCE if audience is None else audience,
            typ=policies.NO_TYP if typ is None else typ,
            profile=ACCESS_TOKEN if typ == "at+jwt" else GENERIC,
            leeway_seconds=leeway,
            status=policies.IGNORE_STATUS if ignore_status else None,
            binding=policies.IGNORE_BINDING if ignore_binding else None,
        )
    except (TypeError, ValueError) as error:
        fail(str(error), code=EXIT_USAGE)


def _verify(
    raw: str, policy: Policy, options: KeyOptions, *, at: float | None, as_json: bool
) -> None:
    from lingpai.errors import InvalidKey, KeysUnavailable, TokenError
    from lingpai_server.cli.token_view import look_at

    now = time.time() if at is None else at
    try:
        verified = _check(raw, policy, options, now)
        size = look_at(raw).size
    except KeysUnavailable as error:
        fail(f"not decided: {error}", code=EXIT_UNDECIDED)
    except TokenError as refusal:
        _refuse(refusal, as_json=as_json, when=_tell_moment(raw, refusal.code, now))
    except InvalidKey as error:
        fail(f"the key is not usable: {error}", code=EXIT_USAGE)
    _show_verified(verified, size, now=now, as_json=as_json)


def _check(raw: str, policy: Policy, options: KeyOptions, now: float) -> VerifiedToken:
    if options.sources:
        from lingpai.jwt.verify import verify as verify_now

        return verify_now(raw, read_keys(options), policy, now=now)
    from lingpai.verifier import Verifier

    # each failed fetch would be a line; the last one is in the answer
    logging.getLogger("lingpai").addHandler(logging.NullHandler())
    try:
        verifier = Verifier(policy=policy, clock=lambda: now, wait_seconds=_WAIT_SECONDS)
    except ValueError as error:
        fail(f"--issuer: {error}", code=EXIT_USAGE)
    with verifier:
        return verifier.verify(raw)


def _show_verified(verified: VerifiedToken, size: Size, *, now: float, as_json: bool) -> None:
    from lingpai_server.cli.token_printing import print_verified

    header, claims = dict(verified.header.members), dict(verified.claims)
    if not as_json:
        return print_verified(header, claims, size, now=now)
    return print_json(
        {
            "verified": True,
            "header": header,
            "claims": claims,
            "expires_in_seconds": _expires_in(claims, now),
            "size": _describe_size(size),
        }
    )


def _tell_moment(raw: str, code: str, now: float) -> str:
    """For a token that comes too late or too early, the moment in words."""
    from lingpai_server.cli.token_view import explain_time, look_at

    name = _TIME_OF_CODE.get(code)
    claims = look_at(raw).claims if name is not None else None
    return explain_time(name, claims.get(name), now=now) if name and claims else ""


def _refuse(refusal: TokenError, *, as_json: bool, when: str = "") -> NoReturn:
    """Say why, and end with 1."""
    from lingpai_server.cli.token_printing import print_refusal

    if as_json:
        print_json({"verified": False, "code": refusal.code, "reason": str(refusal)})
    else:
        meaning = (type(refusal).__doc__ or "").partition("\n")[0]
        print_refusal(f"{refusal}{when and f' ({when})'}", refusal.code, meaning)
    raise typer.Exit(EXIT_REFUSED)


def _describe_look(look: Look, *, now: float) -> dict[str, Any]:
    return {
        "verified": False,
        "kind": look.kind,
        "header": look.header,
        "claims": look.claims,
        "expires_in_seconds": _expires_in(look.claims or {}, now),
        "size": _describe_size(look.size),
        "remarks": list(look.remarks),
    }


def _expires_in(claims: dict[str, Any], now: float) -> int | None:
    exp = claims.get("exp")
    if not isinstance(exp, (int, float)) or isinstance(exp, bool):
        return None
    return round(exp - now)


def _describe_size(size: Size) -> dict[str, int | None]:
    from lingpai.jwt.issue import DEFAULT_BUDGET

    return {
        "header_bytes": size.header_bytes,
        "header_budget_bytes": DEFAULT_BUDGET.header_bytes,
        "payload_bytes": size.payload_bytes,
        "payload_budget_bytes": DEFAULT_BUDGET.payload_bytes,
        "characters": size.characters,
    }


token_app.command("sign")(token_making.sign)
token_app.command("encrypt")(token_making.encrypt)
token_app.command("decrypt")(token_making.decrypt)
token_app.command("keygen")(token_making.keygen)
token_app.command("why")(token_why.why)
token_app.command("revoke")(token_revoking.revoke)
