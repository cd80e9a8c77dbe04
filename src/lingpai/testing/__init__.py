"""For the tests of services that verify tokens: an issuer in memory, good tokens and bad ones.

    with FakeIssuer(audience="https://orders.example") as issuer:
        verifier = issuer.verifier()                            # opens no socket
        token = verifier.verify(issuer.token(scopes=["orders:read"]))
        for name, bad in issuer.bad_tokens().items():
            ...                                                 # bad.raw is refused with bad.code

Nothing in this package is fit for anything but tests.
"""

from __future__ import annotations

from lingpai.testing.bad_tokens import BadToken
from lingpai.testing.issuer import Behaviour, FakeIssuer
from lingpai.testing.loopback import LoopbackIssuer

__all__ = ["BadToken", "Behaviour", "FakeIssuer", "LoopbackIssuer"]
