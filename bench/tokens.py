"""Sign, verify, verify again, encrypt, decrypt: every library, every algorithm, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bench.material import ENCRYPTIONS, SIGNATURES, Material, make_material
from bench.measure import Effort, Samples, Task, difference, ratio, run_rounds, summarise
from bench.peers import PEERS, Lacks, Peer
from bench.record import Figure, Target, make_figure

OURS = "Lingpai"
RAW = "raw primitive"
AGAIN = "verify again"
OPERATIONS = ("verify", AGAIN, "sign", "encrypt", "decrypt")
UNIT = "µs"


@dataclass(slots=True)
class Measured:
    """All samples of a run, and what each peer lacks, by (operation and algorithm, peer)."""

    samples: Samples
    lacks: dict[tuple[str, str], str] = field(default_factory=dict)


def measure(effort: Effort, on_round: Callable[[int], None] = lambda _: None) -> Measured:
    """Time everything that every installed peer can do."""
    material = make_material()
    lacks: dict[tuple[str, str], str] = {}
    tasks: list[Task] = []
    for operation in OPERATIONS:
        for algorithm in _algorithms(operation):
            tasks += _tasks(operation, algorithm, material, lacks)
    return Measured(run_rounds(tasks, effort, on_round), lacks)


def _algorithms(operation: str) -> tuple[str, ...]:
    return tuple(ENCRYPTIONS) if operation in ("encrypt", "decrypt") else SIGNATURES


def _tasks(
    operation: str, algorithm: str, material: Material, lacks: dict[tuple[str, str], str]
) -> Iterator[Task]:
    group = f"{operation} {algorithm}"
    for peer in PEERS:
        try:
            call, argument = prepare(operation, algorithm, peer, material)
        except Lacks as lack:
            lacks[group, peer.name] = str(lack)
            continue
        yield Task(group, peer.name, call, argument)


def prepare(
    operation: str, algorithm: str, peer: Peer, material: Material
) -> tuple[Callable[[Any], object], Any]:
    """The call to time and its argument. What it verifies or decrypts, the peer takes as its own.

    Raises Lacks.
    """
    if operation == "sign":
        return peer.signer(algorithm, material), material.claims
    if operation == "encrypt":
        return peer.encrypter(algorithm, material), material.payload
    if operation == "decrypt":
        return peer.decrypter(algorithm, material), material.tokens[algorithm]
    raw = own_token(algorithm, peer, material)
    if operation == AGAIN:
        return peer.cached_verifier(algorithm, material), raw
    return peer.verifier(algorithm, material), raw


def own_token(algorithm: str, peer: Peer, material: Material) -> str:
    """The common token, or for Ed25519 the peer's own: some write its older name, EdDSA."""
    if algorithm != "Ed25519" or peer.name == RAW:
        return material.tokens[algorithm]
    made = peer.signer(algorithm, material)(dict(material.claims))
    return made.decode("ascii") if isinstance(made, bytes) else str(made)


def make_figures(measured: Measured) -> list[Figure]:
    """One figure for each operation, algorithm and peer; those that a peer lacks say so."""
    figures = []
    for operation in OPERATIONS:
        for algorithm in _algorithms(operation):
            group = f"{operation} {algorithm}"
            figures += [_figure(group, peer.name, measured) for peer in PEERS]
    return figures


def _figure(group: str, peer: str, measured: Measured) -> Figure:
    values = measured.samples.get((group, peer))
    if values is None:
        note = measured.lacks[group, peer]
        return Figure(figure=group, peer=peer, unit=UNIT, note=note)
    ours = measured.samples[group, OURS]
    return make_figure(group, peer, UNIT, summarise(values), ratio(values, ours))


def check_targets(measured: Measured) -> list[Target]:
    """What the token library set itself to reach, as ratios and differences of this run."""
    samples = measured.samples
    return [
        *_against_named_peers(samples),
        *(_overhead(samples, "verify", name, 6) for name in SIGNATURES[1:]),
        *(_overhead(samples, "sign", name, 5) for name in SIGNATURES),
        *(_ahead(samples, "verify", name, _SLOWER) for name in SIGNATURES),
        *(_ahead(samples, op, name, _JWE) for op in ("encrypt", "decrypt") for name in ENCRYPTIONS),
    ]


_SLOWER = ("PyJWT", "joserfc", "jwcrypto", "python-jose", "Authlib")
_JWE = ("joserfc", "jwcrypto")


def _against_named_peers(samples: Samples) -> Iterator[Target]:
    ours = samples["verify HS256", OURS]
    for peer, least in (("PyJWT", 7.0), ("oxyjwt", 1.0)):
        if ("verify HS256", peer) in samples:
            times = ratio(samples["verify HS256", peer], ours).median
            aim = f"at least {least:g} times {peer}"
            yield _target("verify HS256", times, "×", aim, met=times >= least)
    if ("verify HS256", "PyJWT") in samples:
        again = samples[f"{AGAIN} HS256", OURS]
        times = ratio(samples["verify HS256", "PyJWT"], again).median
        yield _target(f"{AGAIN} HS256", times, "×", "at least 60 times PyJWT", met=times >= 60)


def _overhead(samples: Samples, operation: str, name: str, most: float) -> Target:
    group = f"{operation} {name}"
    more = difference(samples[group, OURS], samples[group, RAW]).median
    aim = f"at most {most:g} µs over the raw primitive"
    return _target(group, more, UNIT, aim, met=more <= most)


def _ahead(samples: Samples, operation: str, name: str, of: tuple[str, ...]) -> Target:
    group = f"{operation} {name}"
    ratios = [
        ratio(samples[group, p], samples[group, OURS]).median for p in of if (group, p) in samples
    ]
    least = min(ratios, default=float("nan"))
    return _target(group, least, "×", f"ahead of {', '.join(of)}", met=least > 1)


def _target(name: str, value: float, unit: str, aim: str, *, met: bool) -> Target:
    return Target(name=name, value=float(f"{value:.3g}"), unit=unit, aim=aim, met=met)
