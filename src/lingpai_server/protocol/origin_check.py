"""Whether a page of our own made a request (Fetch Metadata, RFC 6454). Refuses to know cookies.

SameSite=Strict already keeps the refresh cookie from foreign sites; this is the second lock, and
the only one against a page of another origin of the same site.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.requests import Arrival

_OWN_SITES = frozenset({"same-origin", "none"})  # "none": the user typed it, no page asked
_DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_of(issuer: str) -> str:
    """The origin of an issuer's URL as a browser writes it (RFC 6454 section 6.2).

    Raises ValueError for a URL that has none.
    """
    parts = urlsplit(issuer)
    if parts.scheme not in _DEFAULT_PORTS or parts.hostname is None:
        raise ValueError("an issuer is an http or https URL with a host")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    default = parts.port is None or parts.port == _DEFAULT_PORTS[parts.scheme]
    return f"{parts.scheme}://{host}" + ("" if default else f":{parts.port}")


def check_same_origin(arrival: Arrival, issuer: str) -> Refusal | None:
    """For a request that carries its own credentials: refused only if a foreign page made it."""
    if arrival.sec_fetch_site is not None and arrival.sec_fetch_site not in _OWN_SITES:
        return _refuse("cross_site_fetch")
    if arrival.origin is not None and arrival.origin != origin_of(issuer):
        return _refuse("foreign_origin")
    return None


def check_ambient_request(arrival: Arrival, issuer: str) -> Refusal | None:
    """For a request that a browser's cookie would authorise: it must also say where it is from.

    Every browser of today sends one of the two headers with a POST; who sends neither is none.
    """
    if arrival.sec_fetch_site is None and arrival.origin is None:
        return _refuse("no_proof_of_origin")
    return check_same_origin(arrival, issuer)


def _refuse(reason: str) -> Refusal:
    return refuse(
        ErrorCode.ACCESS_DENIED,
        reason=reason,
        description="The request does not come from a page of this origin.",
    )
