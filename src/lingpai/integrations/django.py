"""Django: decorators, a mixin and a middleware that ask for a token. Works under WSGI and ASGI.

    LINGPAI = {"ISSUER": "https://id.example", "AUDIENCE": "https://api.example"}  # settings.py

    @requires(scopes=["orders:read"])
    def orders(request): ...                 # request.token is the token; async views as well

Instead of settings, `DjangoAuth(verifier)` has the same decorator. For Django REST framework there
is `lingpai.integrations.rest_framework`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache, wraps
from typing import Any, ClassVar, TypeAlias, TypeVar, cast

try:
    from asgiref.sync import iscoroutinefunction, markcoroutinefunction
    from django.core.signals import setting_changed
    from django.http import HttpRequest, HttpResponseBase, JsonResponse
    from django.utils.functional import SimpleLazyObject
    from django.views.decorators.csrf import csrf_exempt
except ModuleNotFoundError as missing:
    raise ImportError("lingpai.integrations.django needs Django: pip install django") from missing

from lingpai.integrations.asked import NOTHING_MORE, Asked, admit, admit_async
from lingpai.integrations.bearer import Bearer, Denial, Denied
from lingpai.integrations.django_settings import default_verifier, read_settings
from lingpai.jwt.token import VerifiedToken
from lingpai.verifier.verifier import Verifier

__all__ = [
    "Asked",
    "DjangoAuth",
    "TokenMiddleware",
    "TokenRequest",
    "TokenRequiredMixin",
    "default_auth",
    "requires",
]

View = TypeVar("View", bound=Callable[..., Any])
GetResponse: TypeAlias = Callable[[HttpRequest], Any]


class TokenRequest(HttpRequest):
    """For annotations: what a view gets from a guard or from the middleware."""

    token: VerifiedToken
    atoken: Callable[[], Awaitable[VerifiedToken]]


class DjangoAuth:
    """Authenticates requests with a `Verifier`.

    Refusals are JSON responses with the challenge of RFC 6750. `resource_metadata` is the URL that
    `protected_resource` publishes, for clients that are refused.
    """

    def __init__(
        self, verifier: Verifier, *, realm: str | None = None, resource_metadata: str | None = None
    ) -> None:
        self.bearer = Bearer(verifier, realm=realm, resource_metadata=resource_metadata)

    @property
    def verifier(self) -> Verifier:
        """What verifies the tokens."""
        return self.bearer.verifier

    def authenticate(self, request: HttpRequest, asked: Asked = NOTHING_MORE) -> VerifiedToken:
        """The token of a request, which is its `request.token` from then on. Raises Denied."""
        token = admit(self.bearer, _authorization(request), asked)
        cast("TokenRequest", request).token = token
        return token

    async def aauthenticate(
        self, request: HttpRequest, asked: Asked = NOTHING_MORE
    ) -> VerifiedToken:
        """The same for an event loop, which is never blocked by the network."""
        token = await admit_async(self.bearer, _authorization(request), asked)
        cast("TokenRequest", request).token = token
        return token

    def requires(
        self,
        *,
        scopes: Iterable[str] = (),
        permissions: Iterable[str] = (),
        roles: Iterable[str] = (),
        max_status_age_seconds: float | None = None,
        acr_values: Iterable[str] = (),
        max_auth_age_seconds: int | None = None,
    ) -> Callable[[View], View]:
        """A decorator for views whose callers need a token with all of these.

        Such a view is exempt from Django's CSRF check: a browser adds no Authorization header by
        itself, so there is nothing to forge. Raises TypeError or ValueError for names that no token
        can carry.
        """
        asked = Asked.of(
            scopes=scopes,
            permissions=permissions,
            roles=roles,
            max_status_age_seconds=max_status_age_seconds,
            acr_values=acr_values,
            max_auth_age_seconds=max_auth_age_seconds,
        )
        return _decorator(lambda: self, asked)


@lru_cache(maxsize=1)
def default_auth() -> DjangoAuth:
    """The one that `settings.LINGPAI` describes, made once for the process.

    Raises ImproperlyConfigured.
    """
    settings = read_settings()
    return DjangoAuth(
        default_verifier(), realm=settings.realm, resource_metadata=settings.resource_metadata
    )


def requires(
    *,
    scopes: Iterable[str] = (),
    permissions: Iterable[str] = (),
    roles: Iterable[str] = (),
    max_status_age_seconds: float | None = None,
    acr_values: Iterable[str] = (),
    max_auth_age_seconds: int | None = None,
) -> Callable[[View], View]:
    """`DjangoAuth.requires` with the settings, which are read with the first request."""
    asked = Asked.of(
        scopes=scopes,
        permissions=permissions,
        roles=roles,
        max_status_age_seconds=max_status_age_seconds,
        acr_values=acr_values,
        max_auth_age_seconds=max_auth_age_seconds,
    )
    return _decorator(default_auth, asked)


class TokenRequiredMixin:
    """For class-based views, first among the bases. `asked` is what each method needs; `auth`
    stands in for the settings."""

    asked: ClassVar[Asked] = NOTHING_MORE
    auth: ClassVar[DjangoAuth | None] = None

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """The view, exempt from the CSRF check as `requires` makes it."""
        view = super().as_view(**initkwargs)  # type: ignore[misc]  # of the view beside it
        return csrf_exempt(view)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Let in who has a good token."""
        serve = super().dispatch  # type: ignore[misc]  # of the view beside it
        guard = _decorator(lambda: self.auth or default_auth(), self.asked)
        if getattr(self, "view_is_async", False):

            async def serve_async(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
                return await serve(request, *args, **kwargs)

            return guard(serve_async)(request, *args, **kwargs)
        return guard(serve)(request, *args, **kwargs)


class TokenMiddleware:
    """Gives every request a `token`, verified when it is first looked at, and answers for views
    where that fails: with 401 where there is none or a bad one.

    In an async view `await request.atoken()` verifies without blocking the loop; after that
    `request.token` is there. `auth` of a subclass stands in for the settings.
    """

    sync_capable = True
    async_capable = True
    auth: ClassVar[DjangoAuth | None] = None

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """Pass the request on, or answer."""
        auth = self.auth or default_auth()
        lazy = cast("TokenRequest", request)
        lazy.token = cast("VerifiedToken", SimpleLazyObject(lambda: auth.authenticate(request)))
        lazy.atoken = lambda: auth.aauthenticate(request)
        return self._get_response(request)

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        """Called by Django with what a view raised."""
        del request
        return render(exception.denial) if isinstance(exception, Denied) else None


def render(denial: Denial) -> JsonResponse:
    """The response that refuses."""
    return JsonResponse(denial.content(), status=denial.status, headers=denial.headers())


def _decorator(find_auth: Callable[[], DjangoAuth], asked: Asked) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            try:
                find_auth().authenticate(request, asked)
                return view(request, *args, **kwargs)
            except Denied as denied:
                return render(denied.denial)

        @wraps(view)
        async def guarded_async(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            try:
                await find_auth().aauthenticate(request, asked)
                return await view(request, *args, **kwargs)
            except Denied as denied:
                return render(denied.denial)

        wrapped = guarded_async if iscoroutinefunction(view) else guarded
        return cast("View", csrf_exempt(wrapped))

    return decorate


def _forget(*, setting: str, **_: Any) -> None:
    if setting == "LINGPAI":  # which happens in tests
        default_auth.cache_clear()


setting_changed.connect(_forget, dispatch_uid="lingpai.integrations.django")


def _authorization(request: HttpRequest) -> list[bytes]:
    """The header; what stood there twice was joined with a comma, which no token has in it."""
    value = request.META.get("HTTP_AUTHORIZATION")
    return [] if value is None else [value.encode("latin-1", "replace")]
