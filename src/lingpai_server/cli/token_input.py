"""What the token commands read: tokens, claims, keys and secrets, from files and standard input.

A private key or a secret comes from a file or from standard input, never from the command line,
where every user of the machine could see it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lingpai_server.cli.options import EXIT_USAGE, fail

if TYPE_CHECKING:
    from lingpai.jose.key_set import KeySet
    from lingpai.jose.keys import Key

MAX_INPUT_BYTES = 1024 * 1024
_STDIN = "-"


@dataclass(frozen=True, slots=True)
class KeyOptions:
    """Where the key is, and what is to be known beside it."""

    key: Path | None = None
    jwks: Path | None = None
    secret_file: Path | None = None
    secret_stdin: bool = False
    password_file: Path | None = None
    alg: str | None = None
    kid: str | None = None
    allow: Collection[str] = ()

    @property
    def sources(self) -> int:
        """How many places were named."""
        return sum(
            (
                self.key is not None,
                self.jwks is not None,
                self.secret_file is not None,
                self.secret_stdin,
            )
        )


def read_token(argument: str | None) -> str:
    """The token given, or read from standard input.

    White space around it and a leading `Bearer` are taken off; of the JSON answer of a token
    endpoint its access token is taken. Exits with 2 if there is none.
    """
    text = (
        argument
        if argument not in (None, _STDIN)
        else read_stdin("a token").decode("utf-8", "replace")
    )
    text = (text or "").strip()
    if text[:7].lower() == "bearer ":
        text = text[7:].strip()
    if text.startswith("{"):
        text = _pick_access_token(text)
    if not text:
        fail("no token: give one, or pipe one in", code=EXIT_USAGE)
    return text


def read_stdin(what: str) -> bytes:
    """All of standard input, up to 1 MiB; says what it waits for where a person types."""
    if sys.stdin.isatty():
        sys.stderr.write(f"lingpai: waiting for {what} on standard input, Ctrl-D ends it\n")
    data = sys.stdin.buffer.read(MAX_INPUT_BYTES + 1)
    if len(data) > MAX_INPUT_BYTES:
        fail(f"{what} is longer than {MAX_INPUT_BYTES:,} bytes", code=EXIT_USAGE)
    return data


def read_input(path: str | None, what: str) -> bytes:
    """A file, or standard input for `-` or nothing."""
    return read_stdin(what) if path in (None, _STDIN) else read_file(Path(str(path)))


def read_file(path: Path) -> bytes:
    """A file of up to 1 MiB. Exits with 2 if it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_INPUT_BYTES + 1)
    except OSError as error:
        fail(f"{path}: {error.strerror}", code=EXIT_USAGE)
    if len(data) > MAX_INPUT_BYTES:
        fail(f"{path} is longer than {MAX_INPUT_BYTES:,} bytes", code=EXIT_USAGE)
    return data


def read_keys(options: KeyOptions) -> Key | KeySet:
    """The key or the key set that the options name. Exits with 2 if it is not one, or unusable."""
    if options.sources != 1:
        fail("name one key: --key, --jwks, --secret-file or --secret-stdin", code=EXIT_USAGE)
    try:
        if options.secret_stdin or options.secret_file is not None:
            return _make_secret_key(options)
        path = options.key or options.jwks
        assert path is not None  # noqa: S101 - one source was counted
        return _parse_keys(read_file(path), options)
    except ValueError as error:
        fail(f"the key is not usable: {error}", code=EXIT_USAGE)


def read_key(options: KeyOptions) -> Key:
    """One key; of a set the one that `--kid` names, or the only one."""
    found = read_keys(options)
    from lingpai.jose.key_set import KeySet

    if not isinstance(found, KeySet):
        return found
    fitting = [key for key in found if options.kid in (None, key.kid)]
    if len(fitting) != 1:
        fail(f"{len(fitting)} keys of the set fit: name one with --kid", code=EXIT_USAGE)
    return fitting[0]


def _make_secret_key(options: KeyOptions) -> Key:
    from lingpai.jose.keys import Key

    if options.secret_file is not None:
        secret = read_file(options.secret_file)
    else:
        secret = read_stdin("a secret")
    if options.alg is None:
        fail("a secret needs --alg, such as HS256", code=EXIT_USAGE)
    # the one newline that an editor or echo adds is not part of a secret
    secret = secret.removesuffix(b"\n").removesuffix(b"\r")
    return Key.from_secret(secret, alg=options.alg, kid=options.kid)


def _parse_keys(data: bytes, options: KeyOptions) -> Key | KeySet:
    from lingpai.jose.key_set import KeySet
    from lingpai.jose.keys import Key

    if b"-----BEGIN" in data:
        return Key.from_pem(
            data,
            alg=options.alg,
            password=_read_password(options.password_file),
            kid=options.kid,
            allow=options.allow,
        )
    members = _parse_json(data)
    if "keys" not in members:
        return Key.from_jwk(members, alg=options.alg, allow=options.allow)
    keys = KeySet.from_jwks(members, default_algorithm=options.alg, allow=options.allow)
    for skipped in keys.skipped:
        sys.stderr.write(f"lingpai: key {skipped.index} of the set is skipped: {skipped.reason}\n")
    return keys


def _parse_json(data: bytes) -> dict[str, Any]:
    from lingpai.jose import strict_json

    try:
        return strict_json.decode_object(data)
    except ValueError:
        raise ValueError("it is neither PEM nor the JSON of a JWK or a JWKS") from None


def _read_password(path: Path | None) -> bytes | None:
    return None if path is None else read_file(path).removesuffix(b"\n").removesuffix(b"\r")


def _pick_access_token(text: str) -> str:
    try:
        answer = json.loads(text)
    except ValueError:
        return text
    token = answer.get("access_token") if isinstance(answer, dict) else None
    return token if isinstance(token, str) else text
