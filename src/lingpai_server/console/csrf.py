"""Whether a form was sent from a page of our own. Refuses to know what the form does.

Every POST of a page is checked before anything of it is looked at, the cookie included: a login
that a foreign page submits would put its victim into the attacker's account. Only /authorize and
/end-session are entered from other sites, as their specifications have it, and neither does
anything there but show a page or come again by GET.
"""

from __future__ import annotations

from lingpai_server.http.exchange import Exchange
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.origin_check import check_ambient_request


def check_form(exchange: Exchange, issuer: str) -> Refusal | None:
    """Fetch Metadata, or the Origin header of browsers without it; one of them has to be there."""
    return check_ambient_request(exchange.arrival(), issuer)
