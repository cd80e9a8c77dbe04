"""Where status lists are published, and how a token points into one. No I/O."""

from __future__ import annotations

from typing import Any

from lingpai_server.core.slots import SlotRef

STATUS_LISTS_PATH = "/status-lists"
STATUS_STREAM_PATH = "/status-lists/stream"


def status_list_uri(issuer: str, list_id: str) -> str:
    """The URI of one list, which is the `sub` of its token (Token Status List section 5.1)."""
    return f"{issuer.rstrip('/')}{STATUS_LISTS_PATH}/{list_id}"


def status_claim(issuer: str, slot: SlotRef) -> dict[str, Any]:
    """The `status` claim of a token that carries this slot (Token Status List section 6.1)."""
    return {"status_list": {"idx": slot.index, "uri": status_list_uri(issuer, slot.list_id)}}
