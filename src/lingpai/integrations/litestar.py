"""Litestar: guards that ask for a token, and the token as a dependency.

    auth = LitestarAuth(verifier)

    @get("/notes", guards=[auth.requires(scopes=["notes:read"])])
    async def notes(token: CurrentToken) -> list[Note]: ...

    app = Litestar([notes], plugins=[auth])

A handler that takes `token: CurrentToken` is protected by that alone. `request.auth` is the token,
too.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from typing import Any, TypeAlias

try:
    from litestar.config.app import AppConfig
    from litestar.connection import ASGIConnection
    from litestar.di import NamedDependency, Provide
    from litestar.exceptions import HTTPException
    from litestar.handlers import BaseRouteHandler
    from litestar.openapi.spec import Components, SecurityScheme
    from litestar.plugins import InitPlugin
    from litestar.types import Guard, Scope
except ImportError as missing:
    raise ImportError(
        "lingpai.integrations.litestar needs Litestar 2.23: pip install 'litestar>=2.23'"
    ) from missing

from lingpai.integrations.bearer import Bearer, Denied, authorization_values
from lingpai.jwt.token import VerifiedToken
from lingpai.verifier.requirement import NO_REQUIREMENT, Requirement
from lingpai.verifier.verifier import Verifier

__all__ = ["CurrentToken", "LitestarAuth"]

CurrentToken: TypeAlias = NamedDependency[VerifiedToken]
"""The verified token of the request, where `LitestarAuth` is a plugin of the app."""

Connection: TypeAlias = ASGIConnection[Any, Any, Any, Any]


class LitestarAuth(InitPlugin):
    """Authenticates requests with a `Verifier`.

    As a plugin it adds the dependency `token` (unless the app has one of that name) and, as
    `scheme_name`, the security scheme of the OpenAPI document. Refusals are Litestar's
    `HTTPException`s with the challenge of RFC 6750. `resource_metadata` is the URL that
    `protected_resource` publishes, for clients that are refused.
    """

    def __init__(
        self,
        verifier: Verifier,
        *,
        realm: str | None = None,
        resource_metadata: str | None = None,
        scheme_name: str = "bearer",
    ) -> None:
        self._bearer = Bearer(verifier, realm=realm, resource_metadata=resource_metadata)
        self._scheme_name = scheme_name

    def requires(
        self,
        *,
        scopes: Iterable[str] = (),
        permissions: Iterable[str] = (),
        roles: Iterable[str] = (),
    ) -> Guard:
        """A guard that lets in requests whose token carries all of these.

        Raises TypeError or ValueError for names that no token can carry.
        """
        requirement = Requirement.of(scopes=scopes, permissions=permissions, roles=roles)

        async def guard(connection: Connection, _: BaseRouteHandler) -> None:
            await self._authenticate(connection.scope, requirement)

        return guard

    async def token(self, scope: Scope) -> VerifiedToken:
        """The dependency: the token of this request, verified now unless a guard has done it."""
        token = scope.get("auth")
        if isinstance(token, VerifiedToken):
            return token
        return await self._authenticate(scope, NO_REQUIREMENT)

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Called by Litestar."""
        app_config.dependencies = {"token": Provide(self.token), **app_config.dependencies}
        openapi = app_config.openapi_config
        if openapi is not None:
            given = openapi.components
            several = given if isinstance(given, list) else [given] if given else []
            changed = copy(openapi)  # not `replace`, which touches fields that are deprecated
            changed.components = [*several, self._components()]
            app_config.openapi_config = changed
        return app_config

    async def _authenticate(self, scope: Scope, requirement: Requirement) -> VerifiedToken:
        try:
            values = authorization_values(scope["headers"])
            token = await self._bearer.authenticate(values, requirement)
        except Denied as denied:
            denial = denied.denial
            raise HTTPException(
                detail=denial.reason,
                status_code=denial.status,
                headers=denial.headers(),
                extra=denial.content(),
            ) from denied
        scope["auth"], scope["user"] = token, token.subject
        return token

    def _components(self) -> Components:
        scheme = SecurityScheme(
            type="http",
            scheme="bearer",
            bearer_format="JWT",
            description=f"An access token of {self._bearer.verifier.policy.issuer}.",
        )
        return Components(security_schemes={self._scheme_name: scheme})
