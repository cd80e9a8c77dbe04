"""Django REST framework: an authentication class, and permission classes for what a token grants.

    REST_FRAMEWORK = {
        "DEFAULT_AUTHENTICATION_CLASSES": [
            "lingpai.integrations.rest_framework.TokenAuthentication"
        ],
    }

    class Orders(APIView):
        permission_classes = [HasScopes("orders:read")]      # request.auth is the token

The issuer is named in `settings.LINGPAI`, as `lingpai.integrations.django` reads it. No database is
asked: `request.user` says what the token says, unless `USER` maps the token to a user of yours.
"""

from __future__ import annotations

from typing import Any, ClassVar

try:
    from rest_framework.authentication import BaseAuthentication
    from rest_framework.exceptions import APIException, AuthenticationFailed
    from rest_framework.permissions import BasePermission
    from rest_framework.request import Request
except ModuleNotFoundError as missing:
    raise ImportError(
        "lingpai.integrations.rest_framework needs Django REST framework: "
        "pip install djangorestframework"
    ) from missing

from lingpai.integrations.asked import NOTHING_MORE, Asked, ask_more
from lingpai.integrations.bearer import Denial, Denied
from lingpai.integrations.django import DjangoAuth, default_auth
from lingpai.integrations.django_settings import read_settings
from lingpai.jwt.token import VerifiedToken

__all__ = [
    "HasAsked",
    "HasPermissions",
    "HasRoles",
    "HasScopes",
    "Refused",
    "TokenAuthentication",
    "TokenUser",
]


class Refused(APIException):
    """A refusal as REST framework renders it: status, body, challenge and `Retry-After`."""

    def __init__(self, denial: Denial) -> None:
        super().__init__(detail=denial.content(), code=denial.reason)
        self.status_code = denial.status
        if denial.challenge is not None:
            self.auth_header = denial.challenge
        if denial.retry_after_seconds is not None:
            self.wait = denial.retry_after_seconds


class TokenUser:
    """Whom a token speaks for, without a database. `pk` is the subject, and `has_perm` looks at the
    permissions in the token."""

    is_active = is_authenticated = True
    is_anonymous = is_staff = is_superuser = False

    def __init__(self, token: VerifiedToken) -> None:
        self.token = token
        self.pk = self.id = self.username = token.subject or ""

    def get_username(self) -> str:
        """The subject."""
        return self.username

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Whether the token has this permission; about single objects it says nothing."""
        return obj is None and perm in self.token.permissions

    def has_perms(self, perm_list: Any, obj: object = None) -> bool:
        """Whether it has all of these."""
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TokenUser) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    def __str__(self) -> str:
        return self.username

    @property
    def _identity(self) -> tuple[str | None, str]:
        return self.token.issuer, self.pk


class TokenAuthentication(BaseAuthentication):
    """`request.auth` is the verified token, `request.user` a `TokenUser` or what `get_user` finds.

    A request without a Bearer token is anonymous to this class; a bad token is refused, also where
    anybody may come. `auth` of a subclass stands in for the settings.
    """

    auth: ClassVar[DjangoAuth | None] = None

    def authenticate(self, request: Request) -> tuple[Any, VerifiedToken] | None:
        """Called by REST framework. Raises Refused, or AuthenticationFailed for no such user."""
        auth = self._auth()
        try:
            token = auth.authenticate(request._request)  # the attribute that is documented for it
        except Denied as denied:
            if denied.denial == auth.bearer.deny_missing():
                return None
            raise Refused(denied.denial) from denied
        user = self.get_user(token)
        if user is None:
            raise AuthenticationFailed("user_unknown", code="user_unknown")
        return user, token

    def get_user(self, token: VerifiedToken) -> Any:
        """The user of a token; None refuses it. `USER` of the settings, if it is there."""
        find = None if self.auth is not None else read_settings().user
        return TokenUser(token) if find is None else find(token)

    def authenticate_header(self, request: Request) -> str:
        """The challenge for who comes without a token (RFC 6750 section 3)."""
        del request
        return self._auth().bearer.deny_missing().challenge or "Bearer"

    def _auth(self) -> DjangoAuth:
        return self.auth or default_auth()


class TokenPermission(BasePermission):
    """Lets in requests whose token is what is `asked`. `HasScopes` and its kin make subclasses.

    Combined with `&`, `|` or `~` it is one voice among several, and REST framework answers for all
    of them; alone it answers itself, with the challenge that says what is missing.
    """

    asked: ClassVar[Asked] = NOTHING_MORE

    def __init__(self) -> None:
        self._denial: Denial | None = None

    def has_permission(self, request: Request, view: Any) -> bool:
        """Called by REST framework."""
        del view
        try:
            self._check(request, _auth_of(request))
        except Denied as denied:
            self._denial = denied.denial
            return False
        return True

    def _check(self, request: Request, auth: DjangoAuth) -> None:
        if not isinstance(request.auth, VerifiedToken):
            raise Denied(auth.bearer.deny_missing())
        if self.asked.max_status_age_seconds is not None:
            auth.authenticate(request._request, self.asked)  # as fresh as is asked
        ask_more(auth.bearer, request.auth, self.asked)

    @property
    def message(self) -> None:
        """Read by REST framework when this class has refused, to raise an error with it: the place
        to raise our own, that has a challenge. Raises Refused."""
        if self._denial is not None:
            raise Refused(self._denial)


def HasAsked(asked: Asked) -> type[TokenPermission]:  # noqa: N802 - stands where classes stand
    """A permission class for `Asked.of(...)`: freshness and strength of the login as well."""
    return type("HasAsked", (TokenPermission,), {"asked": asked, "__doc__": repr(asked)})


def HasScopes(*scopes: str) -> type[TokenPermission]:  # noqa: N802 - stands where classes stand
    """A permission class: all of these scopes."""
    return HasAsked(Asked.of(scopes=scopes))


def HasPermissions(*permissions: str) -> type[TokenPermission]:  # noqa: N802 - as above
    """A permission class: all of these permissions."""
    return HasAsked(Asked.of(permissions=permissions))


def HasRoles(*roles: str) -> type[TokenPermission]:  # noqa: N802 - stands where classes stand
    """A permission class: all of these roles."""
    return HasAsked(Asked.of(roles=roles))


def _auth_of(request: Request) -> DjangoAuth:
    """That of the class which authenticated the request, else that of the settings."""
    found = request.successful_authenticator
    candidates = [found] if found is not None else list(request.authenticators or ())
    for each in candidates:
        if isinstance(each, TokenAuthentication):
            return each._auth()
    return default_auth()
