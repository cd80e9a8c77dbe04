"""A FastAPI service that trusts a Lingpai issuer and asks it nothing while it serves.

Start an issuer first (`lingpai serve`), then this service in a second terminal:

    pip install lingpai fastapi granian
    ISSUER=http://127.0.0.1:8000 granian --interface asgi --port 8003 --working-dir examples \
        fastapi_app:app

Get an access token for the API `https://orders.demo.example` from the issuer (its README shows how
to log in with curl) and call:

    curl -i http://127.0.0.1:8003/orders                                     # 401, with a challenge
    curl -i http://127.0.0.1:8003/orders -H "Authorization: Bearer $TOKEN"
    curl -i http://127.0.0.1:8003/orders/1001/refund -X POST -H "Authorization: Bearer $TOKEN"

http://127.0.0.1:8003/docs shows which scopes each route needs. AUDIENCE names another API.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel

from lingpai import VerifiedToken, Verifier
from lingpai.integrations.fastapi import FastAPIAuth

verifier = Verifier(
    issuer=os.environ.get("ISSUER", "http://127.0.0.1:8000"),
    audience=os.environ.get("AUDIENCE", "https://orders.demo.example"),
)
auth = FastAPIAuth(verifier)

AnyToken = Annotated[VerifiedToken, Depends(auth)]
Reader = Annotated[VerifiedToken, Depends(auth.requires(scopes=["orders:read"]))]
Refunder = Annotated[
    VerifiedToken,
    Depends(auth.requires(scopes=["orders:write"], permissions=["orders:refund"])),
]


class Order(BaseModel):
    """One order. `amount` is in cents."""

    order_id: str
    item: str
    amount: int
    refunded: bool = False


orders = {
    order.order_id: order
    for order in (
        Order(order_id="1001", item="a pot of green tea", amount=1800),
        Order(order_id="1002", item="a seal of red jade", amount=88_000),
    )
}


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Stop the verifier's thread together with the service."""
    with verifier:
        yield


app = FastAPI(title="Orders", lifespan=lifespan)


@app.get("/me")
async def me(token: AnyToken) -> dict[str, str | None]:
    """Who the token speaks for."""
    return {"subject": token.subject, "client_id": token.client_id}


@app.get("/orders")
async def list_orders(_: Reader) -> list[Order]:
    """All orders."""
    return list(orders.values())


@app.post("/orders/{order_id}/refund")
async def refund(order_id: str, _: Refunder) -> Order:
    """Give the money back."""
    if order_id not in orders:
        raise HTTPException(404, "no such order")
    orders[order_id].refunded = True
    return orders[order_id]
