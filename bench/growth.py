"""How the cost of verify grows with the size of the token and with the number of keys.

By number of keys there are two lines: the token of one key again and again, and "in turn" the token
of every key one after the other, which is the hardest for whatever is remembered of a header.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bench.material import AUDIENCE, ISSUER, TYP
from bench.measure import Effort, Samples, Task, ratio, run_rounds, summarise
from bench.peers.contract import Lacks, check_rest, load
from bench.record import Figure, Target, make_figure
from lingpai import Budget, Key, KeySet, Policy, PrivateKey, SecretKey, Verifier, sign, verify

UNIT = "µs"
SIZES = (200, 400, 800, 1600, 3200, 6400, 16_000)
COUNTS = (1, 10, 100, 1000)

_POLICY = Policy(issuer=ISSUER, audience=AUDIENCE, typ=TYP)
_BUDGET = Budget(payload_bytes=16_384)
_FLAT = 1.25  # what a ratio between two sizes of set may be and still count as noise


@dataclass(frozen=True, slots=True)
class Growth:
    """Samples by (group, line): groups are `size 200` or `keys 10`."""

    samples: Samples
    quick: bool


def measure(
    effort: Effort, *, quick: bool, on_round: Callable[[int], None] = lambda _: None
) -> Growth:
    """Both in one run."""
    sizes, counts = (SIZES[:2], COUNTS[:2]) if quick else (SIZES, COUNTS)
    tasks = [task for size in sizes for task in _size_tasks(size)]
    tasks += [task for count in counts for task in _count_tasks(count)]
    return Growth(run_rounds(tasks, effort, on_round), quick)


def make_figures(growth: Growth) -> list[Figure]:
    """Each with its ratio to the smallest of its line."""
    first: dict[tuple[str, str], list[float]] = {}
    figures = []
    for (group, line), values in growth.samples.items():
        base = first.setdefault((group.split()[0], line), values)
        figures.append(
            make_figure(f"verify, {group}", line, UNIT, summarise(values), ratio(values, base))
        )
    return figures


def check_targets(growth: Growth) -> list[Target]:
    """Flat in the number of keys."""
    most = max(int(group.split()[1]) for group, _ in growth.samples if group.startswith("keys"))
    lines = dict.fromkeys(line for _, line in growth.samples if line.startswith("Lingpai"))
    targets = []
    for line in lines:
        many = growth.samples.get((f"keys {most}", line))
        if many is not None:
            times = ratio(many, growth.samples["keys 1", line]).median
            aim = f"{most:,} keys cost what one costs (under {_FLAT:g}×)"
            targets.append(
                Target(name=line, value=round(times, 2), unit="×", aim=aim, met=times < _FLAT)
            )
    return targets


# --- by size ------------------------------------------------------------------------------------


def make_sized_token(key: PrivateKey | SecretKey, size: int) -> str:
    """A token of about `size` characters (never more), grown as tokens grow: by permissions."""
    claims: dict[str, Any] = {"iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 86_400}
    raw = sign(claims, key, typ=TYP, budget=_BUDGET)
    names = (f"orders:{number:05}" for number in itertools.count())
    permissions: list[str] = []
    while len(raw) < size - 24:
        missing = (size - len(raw)) * 3 // 4 // 15
        permissions += itertools.islice(names, max(1, missing))
        raw = sign({**claims, "permissions": permissions}, key, typ=TYP, budget=_BUDGET)
    return raw


def _size_tasks(size: int) -> Iterator[Task]:
    group = f"size {size}"
    for algorithm in ("HS256", "ES256"):
        key = Key.generate(algorithm, kid="k")
        raw = make_sized_token(key, size)
        yield Task(group, f"Lingpai {algorithm}", _verifier(key.public), raw)
        yield from _pyjwt_by_size(group, algorithm, key, raw)
        if algorithm == "ES256":  # remembered, they cost the same
            yield Task(
                group, "Lingpai, cached", Verifier(policy=_POLICY, keys=key.public).verify, raw
            )


def _verifier(keys: Key | KeySet) -> Callable[[str], object]:
    return lambda raw: verify(raw, keys, _POLICY)


def _pyjwt_by_size(
    group: str, algorithm: str, key: PrivateKey | SecretKey, raw: str
) -> Iterator[Task]:
    try:
        jwt = load("jwt")
    except Lacks:
        return
    parsed = jwt.PyJWK(key.public.to_jwk(**_private(key)))

    def check(token: str) -> None:
        found = jwt.decode_complete(token, parsed, [algorithm], audience=AUDIENCE, issuer=ISSUER)
        check_rest(found["header"], found["payload"])

    yield Task(group, f"PyJWT {algorithm}", check, raw)


def _private(key: PrivateKey | SecretKey) -> dict[str, bool]:
    return {"private": True} if isinstance(key, SecretKey) else {}


# --- by number of keys --------------------------------------------------------------------------


def _count_tasks(count: int) -> Iterator[Task]:
    group = f"keys {count}"
    for algorithm in ("HS256", "ES256"):
        keys = [Key.generate(algorithm, kid=f"key-{number}") for number in range(count)]
        key_set = KeySet(key.public for key in keys)
        tokens = [make_sized_token(key, 400) for key in keys]
        yield Task(group, f"Lingpai {algorithm}", _verifier(key_set), tokens[-1])
        in_turn = itertools.cycle(tokens).__next__
        yield Task(group, f"Lingpai {algorithm}, in turn", _take_turns(key_set, in_turn), None)
        yield from _pyjwt_by_count(group, algorithm, keys, tokens)


def _take_turns(key_set: KeySet, next_token: Callable[[], str]) -> Callable[[None], object]:
    return lambda _: verify(next_token(), key_set, _POLICY)


def _pyjwt_by_count(
    group: str, algorithm: str, keys: list[PrivateKey | SecretKey], tokens: list[str]
) -> Iterator[Task]:
    """As its documentation does it: the unverified header names the key of a `PyJWKSet`."""
    try:
        jwt = load("jwt")
    except Lacks:
        return
    jwks = jwt.PyJWKSet([key.public.to_jwk(**_private(key)) for key in keys])

    def check(token: str) -> None:
        key = jwks[jwt.get_unverified_header(token)["kid"]]
        found = jwt.decode_complete(token, key, [algorithm], audience=AUDIENCE, issuer=ISSUER)
        check_rest(found["header"], found["payload"])

    yield Task(group, f"PyJWT {algorithm}", check, tokens[-1])
