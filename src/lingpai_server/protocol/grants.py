"""What the grants share: names, scopes, versions and the reply. Refuses to know any one grant."""

from __future__ import annotations

from lingpai_server.core.effects import Effects, RequireVersion
from lingpai_server.core.records import Api, Client, Family, User
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.access_token import lifetime_seconds
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.openid_scopes import OFFLINE_ACCESS, OPENID, OPENID_SCOPES
from lingpai_server.protocol.profiles import rules_of
from lingpai_server.protocol.replies import AccessToken, IdToken, TokenReply
from lingpai_server.protocol.scopes import narrow_scope

AUTHORIZATION_CODE = "authorization_code"
REFRESH_TOKEN = "refresh_token"
CLIENT_CREDENTIALS = "client_credentials"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"  # RFC 8628 section 3.4
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # RFC 8693 section 2.1
# all that the token endpoint answers
GRANT_TYPES = (
    *(AUTHORIZATION_CODE, REFRESH_TOKEN, CLIENT_CREDENTIALS),
    *(DEVICE_CODE, TOKEN_EXCHANGE),
)


def scopes_of(client: Client, api: Api) -> tuple[str, ...]:
    """The most that this client may ask for at this API, in the API's order."""
    return tuple(scope for scope in api.scopes if scope in client.scopes)


def choose_scopes(
    client: Client, api: Api, requested: tuple[str, ...] | None
) -> tuple[str, ...] | Refusal:
    """The scope of a new grant; all of it by default (RFC 6749 section 3.3)."""
    most = scopes_of(client, api)
    return narrow_scope(requested, most, most)


def user_scopes_of(client: Client, api: Api) -> tuple[str, ...]:
    """The same where there is a user: OpenID Connect's own scopes are about the user, and the
    client may have them at any API (OpenID Connect Core section 5.4)."""
    own = (scope for scope in OPENID_SCOPES if scope in client.scopes)
    return tuple(dict.fromkeys((*own, *scopes_of(client, api))))


def choose_user_scopes(
    client: Client, api: Api, requested: tuple[str, ...] | None
) -> tuple[str, ...] | Refusal:
    """The scope of a new grant of a user; by default all of the API's, and nothing about the user:
    `openid` has to be asked for (OpenID Connect Core section 3.1.2.1)."""
    most = user_scopes_of(client, api)
    return narrow_scope(scopes_of(client, api) if requested is None else requested, most, most)


def gives_refresh_token(client: Client, scopes: tuple[str, ...]) -> bool:
    """Whether a new grant of a user comes with a refresh token. A profile that goes by the letter
    of OpenID Connect Core section 11 gives one for `offline_access` alone, once `openid` is in
    play; to a first-party client it gives one anyhow."""
    if REFRESH_TOKEN not in client.grant_types:
        return False
    if OPENID not in scopes or OFFLINE_ACCESS in scopes or client.first_party:
        return True
    return not rules_of(client).refresh_needs_offline_access


def require_versions(user: User, client: Client, api: Api) -> Effects:
    """Lost if status, credentials or permissions changed since the facts were read."""
    return (
        RequireVersion("user", user.user_id, user.access_version),
        RequireVersion("client", client.client_id, client.access_version),
        RequireVersion("api", api.audience, api.access_version),
    )


def reply_with(
    access: AccessToken,
    scopes: tuple[str, ...],
    *,
    family: Family | None = None,
    refresh_token: Secret[str] | None = None,
    in_cookie: bool = False,
    id_token: IdToken | None = None,
    authorization_details: str | None = None,
    now: float,
) -> TokenReply:
    """RFC 6749 section 5.1. A refresh token may live until its family's absolute deadline."""
    return TokenReply(
        access=access,
        expires_in_seconds=lifetime_seconds(access),
        scopes=scopes,
        refresh_token=refresh_token,
        refresh_expires_in_seconds=None if family is None else family.absolute_deadline - int(now),
        in_cookie=in_cookie,
        id_token=id_token,
        authorization_details=authorization_details,
    )
