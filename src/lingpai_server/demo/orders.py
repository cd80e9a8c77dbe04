"""A service in plain ASGI: orders that are read with a scope and refunded with a permission.

python -m lingpai_server.demo.orders --issuer http://127.0.0.1:8000 --port 8001
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import msgspec

from lingpai.integrations.asgi import App, BearerMiddleware, Receive, Scope, Send, require
from lingpai.verifier import Verifier
from lingpai_server.demo.service import STATS_PATH, encode_stats, is_loopback, run_service

__all__ = ["AUDIENCE", "make_app"]

AUDIENCE = "https://orders.demo.example"
MAX_BODY_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Order:
    """One order. `amount` is in cents."""

    order_id: str
    item: str
    amount: int
    refunded: bool = False


class Refund(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a refund."""

    order_id: str


class Refused(Exception):
    """A request that makes no sense: a status and why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Orders:
    """The service. Its orders live as long as the process."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self._orders = {
            order.order_id: order
            for order in (
                Order("1001", "a pot of green tea", 1800),
                Order("1002", "a seal of red jade", 88_000),
            )
        }
        self._routes: dict[tuple[str, str], Callable[[Scope, Receive], Awaitable[bytes]]] = {
            ("GET", "/healthz"): self.health,
            ("GET", STATS_PATH): self.stats,
            ("GET", "/orders"): self.list_orders,
            ("POST", "/orders/refund"): self.refund,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI. The middleware has verified the token of whatever comes here."""
        try:
            handler = self._find(scope)
            status, body = 200, await handler(scope, receive)
        except Refused as refused:
            status, body = refused.status, msgspec.json.encode({"error": refused.reason})
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode("ascii")),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def list_orders(self, scope: Scope, _: Receive) -> bytes:
        """All orders, for who was granted the scope."""
        require(scope, scopes=["orders:read"])
        return msgspec.json.encode({"orders": list(self._orders.values())})

    async def refund(self, scope: Scope, receive: Receive) -> bytes:
        """Give the money back, if the user may and let this client do it."""
        require(scope, scopes=["orders:write"], permissions=["orders:refund"])
        order = self._orders.get((await _read_refund(receive)).order_id)
        if order is None:
            raise Refused(404, "no such order")
        self._orders[order.order_id] = replace(order, refunded=True)
        return msgspec.json.encode(self._orders[order.order_id])

    async def health(self, _: Scope, __: Receive) -> bytes:
        """For who waits until the service is up."""
        return b'{"status":"ok"}'

    async def stats(self, scope: Scope, _: Receive) -> bytes:
        """What the verifier has done, for this machine only."""
        if not is_loopback(scope.get("client")):
            raise Refused(404, "no such resource")
        return encode_stats(self._verifier.stats())

    def _find(self, scope: Scope) -> Callable[[Scope, Receive], Awaitable[bytes]]:
        handler = self._routes.get((scope["method"], scope["path"]))
        if handler is not None:
            return handler
        if any(path == scope["path"] for _, path in self._routes):
            raise Refused(405, "this resource has other methods")
        raise Refused(404, "no such resource")


async def _read_refund(receive: Receive) -> Refund:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise Refused(413, "the body is too large")
        if not message.get("more_body", False):
            break
    try:
        return msgspec.json.decode(body, type=Refund)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Refused(400, 'the body is {"order_id": "…"}') from None


def make_app(verifier: Verifier) -> App:
    """The service, with every path but health and statistics behind a token."""
    return BearerMiddleware(
        Orders(verifier), verifier, realm="orders", public_paths={"/healthz", STATS_PATH}
    )


if __name__ == "__main__":
    sys.exit(run_service("orders", make_app, audience=AUDIENCE))
