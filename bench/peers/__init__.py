"""One adapter a library: its keys parsed once, its quickest call that makes the same checks."""

from __future__ import annotations

from bench.peers.authlib import Authlib
from bench.peers.contract import Lacks, Peer
from bench.peers.joserfc import Joserfc
from bench.peers.jwcrypto import Jwcrypto
from bench.peers.lingpai import Lingpai
from bench.peers.oxyjwt import Oxyjwt
from bench.peers.pyjwt import PyJwt
from bench.peers.python_jose import PythonJose
from bench.peers.raw import Raw

__all__ = ["PEERS", "Lacks", "Peer"]

PEERS: tuple[Peer, ...] = (
    Lingpai(),
    PyJwt(),
    Joserfc(),
    PythonJose(),
    Jwcrypto(),
    Authlib(),
    Oxyjwt(),
    Raw(),
)
