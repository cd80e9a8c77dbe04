"""The last-known-good keys of one issuer on disk, for a start while the issuer is away.

Public keys are no secret, but whoever can write them decides whose tokens pass: a file or folder
that others may write to is not read.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lingpai.jose import strict_json
from lingpai.jose.key_set import KeySet
from lingpai.verifier.jwks import read_published_keys
from lingpai.verifier.own_file import check_owned, name_for, replace_file

__all__ = ["KeysFile"]

log = logging.getLogger("lingpai.verifier")


@dataclass(frozen=True, slots=True)
class KeysFile:
    """The file of `issuer` in `folder`. `wall_clock` gives seconds since the epoch."""

    folder: Path
    issuer: str
    wall_clock: Callable[[], float] = time.time

    @property
    def path(self) -> Path:
        """One file an issuer."""
        return self.folder / name_for(self.issuer, ".json")

    def load(self) -> tuple[KeySet, float] | None:
        """The keys and their age in seconds; None where there is nothing that can be trusted."""
        try:
            check_owned(self.folder)
            check_owned(self.path)
            return self._parse(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            log.warning("the saved keys of %s are not used: %s", self.issuer, error)
            return None

    def save(self, key_set: KeySet) -> None:
        """Write the keys as of now, whole or not at all. A failure is logged, never raised."""
        document = {
            "issuer": self.issuer,
            "fetched_at": int(self.wall_clock()),
            "jwks": key_set.to_jwks(),
        }
        try:
            replace_file(self.path, strict_json.encode(document))
        except OSError as error:
            log.warning("the keys of %s are not saved: %s", self.issuer, error)

    def _parse(self, data: bytes) -> tuple[KeySet, float]:
        document = strict_json.decode_object(data)
        fetched_at = document.get("fetched_at")
        if document.get("issuer") != self.issuer:
            raise ValueError("they are of another issuer")
        if type(fetched_at) is not int:
            raise ValueError("their time is not known")
        key_set = read_published_keys(strict_json.encode(document.get("jwks")))
        return key_set, max(0.0, self.wall_clock() - fetched_at)
