"""What a verifier rests on: a policy, its issuer's keys and its revocations. Wires only."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lingpai.jose.jws import KeySource
from lingpai.jwt.policy import IGNORE_STATUS, Policy, Waiver
from lingpai.jwt.profiles import ACCESS_TOKEN, GENERIC
from lingpai.verifier.flows import Metadata
from lingpai.verifier.jwks import Jwks, Timing
from lingpai.verifier.keeper import KeyKeeper
from lingpai.verifier.key_holder import FixedKeys, KeyHolder
from lingpai.verifier.keys_file import KeysFile
from lingpai.verifier.status_file import StatusFile
from lingpai.verifier.status_keeper import StatusKeeper
from lingpai.verifier.transport import HttpTransport, Transport
from lingpai.verifier.urls import check_issuer

__all__ = ["AT_JWT", "Sources", "make_policy", "make_sources"]

AT_JWT = "at+jwt"  # RFC 9068 section 2.1


@dataclass(frozen=True, slots=True)
class Sources:
    """`keys` verify tokens. `status` is None where nobody is asked what was revoked; `issuer_keys`
    are those of the issuer's lists, which are other ones where the service was given its keys."""

    keys: KeyHolder
    status: StatusKeeper | None
    issuer_keys: KeyHolder

    def start(self) -> None:
        """Begin to hold both fresh. Raises ValueError after `close`."""
        self.keys.start()
        if self.issuer_keys is not self.keys:
            self.issuer_keys.start()
        if self.status is not None:
            self.status.start()

    def close(self) -> None:
        """Stop, and leave no thread behind."""
        if self.status is not None:
            self.status.close()
        self.keys.close()
        self.issuer_keys.close()

    def reset_after_fork(self) -> None:
        """In a forked child: forget threads and locks."""
        self.keys.reset_after_fork()
        self.issuer_keys.reset_after_fork()
        if self.status is not None:
            self.status.reset_after_fork()


def make_policy(
    issuer: str | None,
    audience: str | Collection[str] | Waiver | None,
    typ: str | Waiver,
    leeway_seconds: int,
    max_status_age_seconds: float,
    on_stale: Literal["refuse", "accept"],
) -> Policy:
    """A policy for one API's access tokens. Raises TypeError or ValueError as `Policy` does."""
    if issuer is None or audience is None:
        raise TypeError("a verifier needs an issuer and an audience, or a policy")
    return Policy(
        issuer=issuer,
        audience=audience,
        typ=typ,
        profile=ACCESS_TOKEN if typ == AT_JWT else GENERIC,
        leeway_seconds=leeway_seconds,
        max_status_age_seconds=max_status_age_seconds,
        on_stale=on_stale,
    )


def make_sources(
    policy: Policy,
    keys: KeySource | None,
    transport: Transport | None,
    timing: Timing | None,
    cache_dir: str | os.PathLike[str] | None,
    *,
    metadata_url: str | None,
    default_algorithm: str | None,
    fetch_status: bool,
    on_change: Callable[[], None],
    clock: Callable[[], float],
    steady_clock: Callable[[], float],
) -> Sources:
    """The sources of one verifier. Raises TypeError where there is no issuer to ask, and ValueError
    for one that is no https URL."""
    if keys is not None and not fetch_status:
        fixed = FixedKeys(keys)
        return Sources(fixed, None, fixed)
    issuer = policy.issuer
    if not isinstance(issuer, str):
        raise TypeError("the keys of any issuer cannot be fetched: name one, or give keys")
    check_issuer(issuer)
    line = transport or HttpTransport()
    followers: list[StatusKeeper] = []
    keeper = KeyKeeper(
        Jwks(issuer, timing or Timing(), metadata_url, default_algorithm),
        line,
        on_change,
        keys_file=KeysFile(Path(cache_dir), issuer) if cache_dir is not None else None,
        on_metadata=lambda metadata: _tell(followers, metadata),
        clock=steady_clock,
    )
    holder: KeyHolder = keeper if keys is None else FixedKeys(keys)
    if policy.status is IGNORE_STATUS:
        return Sources(holder, None, keeper)

    def revoke(kids: frozenset[str]) -> None:
        keeper.revoke(kids)
        if holder is not keeper:
            holder.revoke(kids)
        on_change()

    status = StatusKeeper(
        issuer,
        keeper,
        line.clone,
        revoke,
        file=StatusFile(Path(cache_dir), issuer) if cache_dir is not None else None,
        clock=steady_clock,
        wall_clock=clock,
    )
    followers.append(status)
    return Sources(holder, status, keeper)


def _tell(followers: list[StatusKeeper], metadata: Metadata) -> None:
    for status in followers:
        status.follow(metadata.status_stream_uri)
