"""`lingpai token` sign, encrypt, decrypt, keygen: what makes tokens and keys, or opens them."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai_server.cli.options import EXIT_REFUSED, EXIT_USAGE, AsJson, fail
from lingpai_server.cli.printing import print_json, print_line
from lingpai_server.cli.token_input import KeyOptions, read_input, read_key, read_token
from lingpai_server.cli.token_options import (
    Algorithm,
    Allow,
    KeyFile,
    Kid,
    PasswordFile,
    SecretFile,
    TokenArgument,
)
from lingpai_server.cli.words import parse_span

if TYPE_CHECKING:
    from lingpai.jose.keys import PrivateKey, SecretKey

_PRIVATE_MODE = 0o600
_FORMS = ("jwk", "pem")


def sign(
    claims: Annotated[
        str | None,
        typer.Argument(metavar="[CLAIMS]", help="A JSON file; without it, or as -, stdin."),
    ] = None,
    typ: Annotated[
        str, typer.Option("--typ", metavar="TYP", help="What kind of token it is.")
    ] = "at+jwt",
    no_typ: Annotated[bool, typer.Option("--no-typ", help="Name no kind.")] = False,
    lifetime: Annotated[
        str | None,
        typer.Option("--lifetime", metavar="SPAN", help="Set iat to now and exp to 5m, 1h, 30d …"),
    ] = None,
    key: KeyFile = None,
    secret_file: SecretFile = None,
    password_file: PasswordFile = None,
    alg: Algorithm = None,
    kid: Kid = None,
    allow: Allow = None,
    allow_claim: Annotated[
        list[str] | None,
        typer.Option("--allow-claim", metavar="NAME", help="Not a secret, whatever its name says."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Sign claims and print the token; its size beside the budget goes to standard error."""
    from lingpai.errors import InvalidKey, IssueError
    from lingpai.jwt.issue import sign as sign_claims
    from lingpai.jwt.policy import NO_TYP

    options = KeyOptions(
        key=key,
        secret_file=secret_file,
        password_file=password_file,
        alg=alg,
        kid=kid,
        allow=tuple(allow or ()),
    )
    signer = _read_signing_key(options)
    members = _read_claims(claims)
    if lifetime is not None:
        members |= _times(lifetime)
    try:
        raw = sign_claims(
            members, signer, typ=NO_TYP if no_typ else typ, allow_names=tuple(allow_claim or ())
        )
    except (IssueError, InvalidKey) as refusal:
        fail(f"not signed: {refusal}", code=EXIT_REFUSED)
    _print_token(raw, as_json=as_json)


def encrypt(
    content: Annotated[
        str | None,
        typer.Argument(metavar="[FILE]", help="What to encrypt; without it, or as -, stdin."),
    ] = None,
    enc: Annotated[
        str | None,
        typer.Option("--enc", metavar="ENC", help="The content encryption; A256GCM by default."),
    ] = None,
    typ: Annotated[str | None, typer.Option("--typ", metavar="TYP", help="Its typ.")] = None,
    cty: Annotated[
        str | None,
        typer.Option("--cty", metavar="CTY", help="The kind of content; JWT for a signed token."),
    ] = None,
    key: KeyFile = None,
    secret_file: SecretFile = None,
    password_file: PasswordFile = None,
    alg: Algorithm = None,
    kid: Kid = None,
    as_json: AsJson = False,
) -> None:
    """Encrypt bytes to a key (a public one is enough) and print the token."""
    from lingpai.errors import InvalidKey
    from lingpai.jose.jwe import encrypt as encrypt_content

    options = KeyOptions(
        key=key, secret_file=secret_file, password_file=password_file, alg=alg, kid=kid
    )
    recipient = read_key(options)
    payload = read_input(content, "the content")
    headers = {} if cty is None else {"cty": cty}
    try:
        raw = encrypt_content(payload, recipient, enc=enc, typ=typ, headers=headers)
    except (InvalidKey, ValueError) as refusal:
        fail(f"not encrypted: {refusal}", code=EXIT_REFUSED)
    _print_token(raw, as_json=as_json)


def decrypt(
    token: TokenArgument = None,
    key: KeyFile = None,
    secret_file: SecretFile = None,
    password_file: PasswordFile = None,
    alg: Algorithm = None,
    kid: Kid = None,
    allow_compressed: Annotated[
        bool, typer.Option("--allow-compressed", help="Accept zip: DEF, up to 250 kB.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Decrypt a token and print its content. That proves nothing of who made it."""
    from lingpai.errors import InvalidKey, TokenError
    from lingpai.jose.jwe import decrypt as decrypt_token

    options = KeyOptions(
        key=key, secret_file=secret_file, password_file=password_file, alg=alg, kid=kid
    )
    reader = read_key(options)
    try:
        opened = decrypt_token(read_token(token), reader, allow_compressed=allow_compressed)
    except TokenError as refusal:
        fail(f"refused: {refusal} ({refusal.code})", code=EXIT_REFUSED)
    except InvalidKey as error:
        fail(f"the key is not usable: {error}", code=EXIT_USAGE)
    if as_json:
        members = dict(opened.header.members)
        print_json({"header": members, **_describe_content(opened.plaintext)})
    else:
        _write_content(opened.plaintext)
        if opened.header.cty == "jwt":
            sys.stderr.write("lingpai: a signed token was inside; lingpai token verify checks it\n")


def keygen(
    algorithm: Annotated[
        str,
        typer.Argument(metavar="ALG", help="ES256, RS256, HS256, Ed25519, RSA-OAEP-256, A256GCM …"),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write the private key here, for you alone."),
    ] = None,
    to_stdout: Annotated[
        bool, typer.Option("--stdout", help="Print the private key instead.")
    ] = False,
    public_out: Annotated[
        Path | None, typer.Option("--public-out", metavar="FILE", help="Write the public half.")
    ] = None,
    form: Annotated[
        str, typer.Option("--format", metavar="jwk|pem", help="How it is written.")
    ] = "jwk",
    kid: Annotated[
        str | None,
        typer.Option("--kid", metavar="KID", help="The key's name; by default its thumbprint."),
    ] = None,
    size: Annotated[
        int | None, typer.Option("--size", metavar="BITS", help="For RSA and symmetric keys.")
    ] = None,
    curve: Annotated[
        str | None, typer.Option("--curve", metavar="CURVE", help="For ECDH-ES.")
    ] = None,
    allow: Allow = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a key. The private half goes to a file that only you can read, or to --stdout."""
    from lingpai.errors import InvalidKey
    from lingpai.jose.keys import Key

    if (out is None) == (not to_stdout):
        fail("name one place for the private key: --out FILE or --stdout", code=EXIT_USAGE)
    if form not in _FORMS:
        fail(f"--format is {' or '.join(_FORMS)}", code=EXIT_USAGE)
    try:
        made = Key.generate(algorithm, kid=kid, size=size, curve=curve, allow=tuple(allow or ()))
        private, public = _encode(made, form, private=True), None
        if public_out is not None:
            public = _encode(made, form, private=False)
    except InvalidKey as refusal:
        fail(f"no key made: {refusal}", code=EXIT_USAGE)
    if public is not None and public_out is not None:
        _write(public_out, public, mode=0o644, force=force)
    if out is None:
        return print_line(private.rstrip("\n"))
    _write(out, private, mode=_PRIVATE_MODE, force=force)
    return _report_key(made, out, public_out, as_json=as_json)


def _report_key(
    made: PrivateKey | SecretKey, out: Path, public_out: Path | None, *, as_json: bool
) -> None:
    if as_json:
        names = {"file": str(out), "public_file": str(public_out) if public_out else None}
        return print_json({"alg": made.alg, "kid": made.kid, **names})
    print_line(f"{made.alg} key {made.kid}")
    print_line(f"private: {out} (readable by you alone)")
    if public_out is not None:
        print_line(f"public:  {public_out}")
    return None


def _encode(made: PrivateKey | SecretKey, form: str, *, private: bool) -> str:
    if form == "pem":
        return (made if private else made.public).to_pem().decode("ascii")
    members = made.to_jwk(private=True) if private else made.public.to_jwk()
    return json.dumps(members, indent=2) + "\n"


def _write(path: Path, text: str, *, mode: int, force: bool) -> None:
    """Made with its mode, so that others cannot read it for a moment; replaced in one step."""
    place = path.with_name(f".{path.name}.{os.getpid()}") if force else path
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        with os.fdopen(os.open(place, flags, mode), "w", encoding="utf-8") as file:
            file.write(text)
        if force:
            place.replace(path)
    except FileExistsError:
        fail(f"{path} exists; --force replaces it", code=EXIT_REFUSED)
    except OSError as error:
        fail(f"{path}: {error.strerror}", code=EXIT_REFUSED)


def _read_signing_key(options: KeyOptions) -> PrivateKey | SecretKey:
    from lingpai.jose.keys import PrivateKey, SecretKey

    found = read_key(options)
    if not isinstance(found, (PrivateKey, SecretKey)):
        fail("that is a public key: it verifies, a private one signs", code=EXIT_USAGE)
    return found


def _read_claims(path: str | None) -> dict[str, Any]:
    from lingpai.jose import strict_json

    try:
        return strict_json.decode_object(read_input(path, "the claims").strip())
    except ValueError as error:
        fail(f"the claims are one JSON object: {error}", code=EXIT_USAGE)


def _times(lifetime: str) -> dict[str, int]:
    try:
        seconds = parse_span(lifetime)
    except ValueError as error:
        fail(f"--lifetime: {error}", code=EXIT_USAGE)
    now = int(time.time())
    return {"iat": now, "exp": now + seconds}


def _print_token(raw: str, *, as_json: bool) -> None:
    from lingpai_server.cli.token_view import look_at

    size = look_at(raw).size
    if as_json:
        print_json({"token": raw, "characters": size.characters})
    else:
        print_line(raw)
        sys.stderr.write(f"lingpai: size: {size}\n")


def _describe_content(content: bytes) -> dict[str, Any]:
    """As JSON if it is that, else as text, else in base64url."""
    from lingpai.jose import base64url, strict_json

    try:
        return {"json": strict_json.decode(content)}
    except ValueError:
        pass
    try:
        return {"text": content.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64url": base64url.encode(content)}


def _write_content(content: bytes) -> None:
    """As it is for a pipe; for a person as one printable text that ends in a newline."""
    if not sys.stdout.isatty():
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    from lingpai_server.cli.token_view import printable

    lines = content.decode("utf-8", "backslashreplace").splitlines()
    print_line("\n".join(printable(line) for line in lines))
