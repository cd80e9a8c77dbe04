"""Options that the token commands share. Decides nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXIT_UNDECIDED = 3

TokenArgument = Annotated[
    str | None,
    typer.Argument(metavar="[TOKEN]", help="The token; without it, or as -, standard input."),
]
KeyFile = Annotated[
    Path | None, typer.Option("--key", metavar="FILE", help="A key: JWK, JWKS or PEM.")
]
JwksFile = Annotated[Path | None, typer.Option("--jwks", metavar="FILE", help="A key set (JWKS).")]
SecretFile = Annotated[
    Path | None,
    typer.Option("--secret-file", metavar="FILE", help="The bytes of an HMAC or AES secret."),
]
SecretStdin = Annotated[
    bool, typer.Option("--secret-stdin", help="Read that secret from standard input.")
]
PasswordFile = Annotated[
    Path | None,
    typer.Option("--password-file", metavar="FILE", help="The password of an encrypted PEM."),
]
Algorithm = Annotated[
    str | None,
    typer.Option("--alg", metavar="ALG", help="The key's algorithm, where it does not say itself."),
]
Kid = Annotated[
    str | None, typer.Option("--kid", metavar="KID", help="Which key of a set; a key's name.")
]
Allow = Annotated[
    list[str] | None,
    typer.Option("--allow", metavar="ALG", help="Opt in to EdDSA (the old name) or ES256K."),
]
