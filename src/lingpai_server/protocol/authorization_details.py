"""Rich authorization requests (RFC 9396): what is asked for beyond scopes. Knows no type's fields.

A type is good where the API declares that it understands it, and where the client, if it registered
any types at all, registered that one. What the fields mean is for the API, and for the person who
is shown them.
"""

from __future__ import annotations

from lingpai.jose import strict_json
from lingpai_server.core.records import Api, Client
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse

MAX_DETAILS_CHARS = 4096
MAX_DETAILS = 16


def check_authorization_details(text: str | None, client: Client, api: Api) -> str | Refusal | None:
    """The details in one spelling of JSON, to be kept; None if none were asked for."""
    if text is None:
        return None
    details = _parse(text)
    if details is None:
        return _refuse("authorization_details_malformed", "They are not an array of objects.")
    for one in details:
        if not _knows(one.get("type"), client, api):
            return _refuse(
                "authorization_details_type_unknown", "One of them is of a type not known here."
            )
    return strict_json.encode(details).decode("utf-8")


def _parse(text: str) -> list[dict[str, object]] | None:
    """RFC 9396 section 2: a JSON array of objects, and not an empty one."""
    if len(text) > MAX_DETAILS_CHARS:
        return None
    try:
        details = strict_json.decode(text.encode("utf-8"))
    except ValueError:
        return None
    if not isinstance(details, list) or not 0 < len(details) <= MAX_DETAILS:
        return None
    return details if all(isinstance(one, dict) for one in details) else None


def _knows(detail_type: object, client: Client, api: Api) -> bool:
    registered = client.settings.authorization_details_types or api.settings.details_types
    return detail_type in api.settings.details_types and detail_type in registered


def _refuse(reason: str, why: str) -> Refusal:
    return refuse(
        ErrorCode.INVALID_AUTHORIZATION_DETAILS,
        reason=reason,
        description=f"The authorization_details cannot be granted. {why}",
    )
