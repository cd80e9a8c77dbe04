"""How pages answer: by sending the browser on, or by saying what went wrong. Knows no flow.

`Pages` that cannot be shown are pages too: whatever an endpoint refuses or breaks at, the browser
gets HTML in the language of its user.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from lingpai.jose import strict_json
from lingpai_server.console.languages import Language, choose_language
from lingpai_server.console.rendering import Renderer
from lingpai_server.console.views import error_page
from lingpai_server.core.ports import StoreUnavailable
from lingpai_server.http.answers import NO_STORE, Answer, Headers, Refused
from lingpai_server.http.exchange import Exchange
from lingpai_server.http.hardening import LOG, log_incident
from lingpai_server.http.render import STATUS
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse

Endpoint = Callable[[Exchange], Awaitable[Answer]]

# what a person is told, by code; everything else is a request that is wrong
_ABOUT: Mapping[ErrorCode, str] = MappingProxyType(
    {
        ErrorCode.ACCESS_DENIED: "foreign",
        ErrorCode.SLOW_DOWN: "busy",
        ErrorCode.TEMPORARILY_UNAVAILABLE: "busy",
        ErrorCode.SERVER_ERROR: "fault",
    }
)
_REQUEST = "request"
_BUSY = refuse(ErrorCode.TEMPORARILY_UNAVAILABLE, reason="storage", retry_after_seconds=1)


def see_other(location: str, headers: Headers = ()) -> Answer:
    """303: whatever the request was, the next one is a GET without its body (RFC 9700 section
    4.12)."""
    plain = ("content-type", "text/plain; charset=utf-8")
    return Answer(303, (("location", location), plain, *NO_STORE, *headers), b"")


def with_query(uri: str, parameters: Mapping[str, str]) -> str:
    """The URI with more parameters behind those it has (RFC 6749 section 3.1.2)."""
    if not parameters:
        return uri
    return uri + ("&" if "?" in uri else "?") + urlencode(parameters)


def answer_refusal(
    renderer: Renderer, refusal: Refusal, language: Language, *, otherwise: str = _REQUEST
) -> Answer:
    """An error page. `otherwise` is what a code means that has no text of its own."""
    about = _ABOUT.get(refusal.code, otherwise)
    status = STATUS.get(refusal.code, 400)
    # 401 asks a browser for credentials that no header could bring (RFC 9110 section 15.5.2)
    status = 400 if status == 401 else status
    return renderer.render(error_page(about, language, status=status, refusal=refusal))


def guarded(renderer: Renderer, endpoint: Endpoint) -> Endpoint:
    """The endpoint, with its faults and the requests that cannot be read as pages."""

    async def answer(exchange: Exchange) -> Answer:
        try:
            return await endpoint(exchange)
        except Refused as refused:
            return _answer_unreadable(renderer, refused.answer, _language(exchange))
        except StoreUnavailable as error:
            LOG.error("storage is unavailable: %s", error)
            return answer_refusal(renderer, _BUSY, _language(exchange))
        except Exception:  # noqa: BLE001 - the log gets it, the browser a page with its number
            refusal = refuse(
                ErrorCode.SERVER_ERROR, reason="fault", description=f"Incident {log_incident()}"
            )
            page = error_page("fault", _language(exchange), status=500, refusal=refusal)
            return renderer.render(page)

    return answer


def _language(exchange: Exchange) -> Language:
    return choose_language(accept_language=exchange.list_header("accept-language"))


def _answer_unreadable(renderer: Renderer, answer: Answer, language: Language) -> Answer:
    """What another caller would get as JSON."""
    members: dict[str, Any] = strict_json.decode_object(answer.body)
    refusal = refuse(
        ErrorCode(members["error"]), reason="unreadable", description=members["error_description"]
    )
    return renderer.render(error_page(_REQUEST, language, status=answer.status, refusal=refusal))
