"""Offers a free status slot to a grant that may need one. Takes none: a decision's effects do."""

from __future__ import annotations

import struct
from dataclasses import replace

from lingpai.jose.crypto import random_bytes
from lingpai.jwt.status_list import Status
from lingpai_server.app.entropy import draw_fresh
from lingpai_server.core.fresh import Fresh
from lingpai_server.core.ports import Store
from lingpai_server.core.slots import OFFERS, HeldSlot

_DRAWS = struct.Struct(f"{OFFERS}Q")


async def draw_fresh_for(store: Store, held: HeldSlot | None) -> Fresh:
    """The randomness of one decision, with a slot unless the grant holds a good one. Raises
    StoreUnavailable."""
    fresh = draw_fresh()
    if held is not None and held.status is Status.VALID:
        return fresh
    draws = _DRAWS.unpack(random_bytes(_DRAWS.size))
    return replace(fresh, slot=await store.offer_slot(draws))
