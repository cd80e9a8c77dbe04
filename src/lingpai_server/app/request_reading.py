"""What a client asked for: plainly, signed, or pushed beforehand. Decides nothing about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lingpai_server.app.clock import Clock, now
from lingpai_server.app.ports import ClientKeys, ClientResolver
from lingpai_server.core.ports import Store
from lingpai_server.core.records import Client
from lingpai_server.protocol.authorize.request import Asked, refuse_request
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.par import is_pushed_uri, read_kept, request_sha256
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.request_object import (
    UNKNOWN_KEY_REASONS,
    check_names,
    merge_parameters,
    open_request_object,
)

MAX_PARAMETERS_CHARS = 4096  # a longer request is pushed: its ticket would not fit into a URL


@dataclass(frozen=True, slots=True)
class RequestReader:
    """Shared by the authorization endpoint and by the one that takes pushed requests."""

    store: Store
    client_keys: ClientKeys
    policy: IssuePolicy
    clock: Clock = now
    resolver: ClientResolver | None = None

    async def read(self, parameters: Mapping[str, str]) -> Asked | Refusal:
        """The parameters, or those of the pushed or signed request in their place."""
        client_id, at = parameters.get("client_id"), int(self.clock())
        if client_id is None:
            return refuse_request("client_id_missing", "The request names no application.")
        if self.resolver is not None and not await self.resolver.resolve_client(client_id):
            return refuse_request("client_unknown", "The application is not known here.")
        asked = Asked(parameters, at, problem=check_names(parameters))
        request_uri, signed = parameters.get("request_uri"), parameters.get("request")
        if request_uri is not None and is_pushed_uri(request_uri):
            return await self.read_pushed(client_id, request_uri, at)
        if request_uri is not None:
            return replace(asked, problem=asked.problem or _refuse_request_uri())
        if signed is not None and asked.problem is None:
            client = await self.store.load_client(client_id)
            return asked if client is None else await self.read_signed(asked, client, signed)
        if sum(map(len, parameters.values())) > MAX_PARAMETERS_CHARS:
            too_long = refuse_request("request_too_long", "The request is too long: push it.")
            return replace(asked, problem=asked.problem or too_long)
        return asked

    async def read_signed(self, asked: Asked, client: Client, raw: str) -> Asked:
        """What the request object says, in the place of the parameters around it; a problem with it
        stays beside them."""
        opened = await self._open_object(raw, client)
        if isinstance(opened, Refusal):
            return replace(asked, problem=opened)
        merged = merge_parameters(asked.parameters, opened, client)
        if isinstance(merged, Refusal):
            return replace(asked, problem=merged)
        return replace(asked, parameters=merged, signed=True)

    async def _open_object(self, raw: str, client: Client) -> Mapping[str, str] | Refusal:
        """A key that is not there yet may have been published a moment ago."""
        opened = await self._open_with(raw, client, fresh=False)
        if isinstance(opened, Refusal) and opened.reason in UNKNOWN_KEY_REASONS:
            return await self._open_with(raw, client, fresh=True)
        return opened

    async def _open_with(
        self, raw: str, client: Client, *, fresh: bool
    ) -> Mapping[str, str] | Refusal:
        keys = await self.client_keys.keys_of(client, fresh=fresh)
        return open_request_object(raw, client, keys, issuer=self.policy.issuer, now=self.clock())

    async def read_pushed(
        self, client_id: str, request_uri: str, at: int, *, returning: bool = False
    ) -> Asked | Refusal:
        """RFC 9126 section 4: nothing beside the reference counts, and nobody else may use it."""
        pushed = await self.store.load_pushed(request_sha256(request_uri))
        if pushed is None or pushed.client_id != client_id:
            return refuse(
                ErrorCode.INVALID_REQUEST_URI,
                reason="pushed_request_unknown",
                description="The request is not known here, or not any more. Start once more.",
            )
        kept = read_kept(pushed)
        return Asked(
            kept.parameters,
            at,
            pushed=pushed,
            request_uri=request_uri,
            signed=kept.signed,
            returning=returning,
        )


def _refuse_request_uri() -> Refusal:
    return refuse(
        ErrorCode.REQUEST_URI_NOT_SUPPORTED,
        reason="request_uri_elsewhere",
        description="A request is sent by value or pushed; it is not fetched from elsewhere.",
    )
