"""FastAPI: a dependency that gives the verified token, and shows in the OpenAPI document.

    auth = FastAPIAuth(verifier)

    Reader = Annotated[VerifiedToken, Depends(auth.requires(scopes=["orders:read"]))]

    @app.get("/orders")
    async def orders(token: Reader) -> list[Order]: ...

`Security(auth, scopes=["orders:read"])`, FastAPI's own way to ask for scopes, does the same.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any

try:
    from fastapi import HTTPException, Security, WebSocketException
    from fastapi.openapi.models import HTTPBearer
    from fastapi.requests import HTTPConnection
    from fastapi.security import SecurityScopes
    from fastapi.security.base import SecurityBase
except ModuleNotFoundError as missing:
    raise ImportError(
        "lingpai.integrations.fastapi needs FastAPI: pip install fastapi"
    ) from missing

from lingpai.integrations.bearer import (
    POLICY_VIOLATION,
    Bearer,
    Denial,
    Denied,
    authorization_values,
)
from lingpai.jwt.token import VerifiedToken
from lingpai.verifier.requirement import Requirement
from lingpai.verifier.verifier import Verifier

__all__ = ["FastAPIAuth"]


class FastAPIAuth(SecurityBase):
    """Authenticates requests with a `Verifier`; itself a dependency that gives the token.

    `scheme_name` is its name in the OpenAPI document. Refusals are `HTTPException`s with the
    challenge of RFC 6750, and close a WebSocket before it opens. `resource_metadata` is the URL
    that `protected_resource` publishes, for clients that are refused.
    """

    def __init__(
        self,
        verifier: Verifier,
        *,
        realm: str | None = None,
        resource_metadata: str | None = None,
        scheme_name: str = "bearer",
    ) -> None:
        self.model = HTTPBearer(
            bearerFormat="JWT", description=f"An access token of {verifier.policy.issuer}."
        )
        self.scheme_name = scheme_name
        self._bearer = Bearer(verifier, realm=realm, resource_metadata=resource_metadata)

    async def __call__(
        self, connection: HTTPConnection, security_scopes: SecurityScopes
    ) -> VerifiedToken:
        """The token of the request, with every scope that the routes and routers ask for."""
        requirement = Requirement.of(scopes=security_scopes.scopes)
        try:
            values = authorization_values(connection.scope["headers"])
            return await self._bearer.authenticate(values, requirement)
        except Denied as denied:
            raise _as_exception(connection, denied.denial) from denied

    def requires(
        self,
        *,
        scopes: Iterable[str] = (),
        permissions: Iterable[str] = (),
        roles: Iterable[str] = (),
    ) -> Callable[..., Coroutine[Any, Any, VerifiedToken]]:
        """A dependency that gives the token if it carries all of these.

        Raises TypeError or ValueError for names that no token can carry.
        """
        requirement = Requirement.of(scopes=scopes, permissions=permissions, roles=roles)

        authenticated = Security(self, scopes=sorted(requirement.scopes))

        async def required_token(
            connection: HTTPConnection, token: VerifiedToken = authenticated
        ) -> VerifiedToken:
            try:
                return self._bearer.authorize(token, requirement)
            except Denied as denied:
                raise _as_exception(connection, denied.denial) from denied

        return required_token


def _as_exception(connection: HTTPConnection, denial: Denial) -> HTTPException | WebSocketException:
    if connection.scope["type"] == "websocket":
        return WebSocketException(POLICY_VIOLATION, denial.reason)
    return HTTPException(denial.status, detail=denial.content(), headers=denial.headers())
