"""Issuers that many services have, as data: what their tokens look like and what they lack.

`Verifier.of(keycloak(...))` verifies their tokens like those of any other. None of them keeps a
status list, so that revocation before `exp` is not to be had from them: `offers_status` says so.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from lingpai.jwt.claim_names import ClaimNames
from lingpai.jwt.policy import ANY_AUDIENCE, NO_TYP, Policy
from lingpai.jwt.profiles import ID_TOKEN

__all__ = [
    "KnownIssuer",
    "auth0",
    "cognito",
    "entra_v1",
    "entra_v2",
    "github_actions",
    "google",
    "keycloak",
    "okta",
]


@dataclass(frozen=True, slots=True)
class KnownIssuer:
    """A policy, and how to come by the keys for it.

    `metadata_url` is set where it does not follow from the issuer. `default_algorithm` is that of
    keys that name none: it is taken from here, never from a token's header.
    """

    name: str
    policy: Policy
    metadata_url: str | None = None
    default_algorithm: str | None = None
    offers_status: bool = False


def keycloak(realm_url: str, audience: str, *, rfc9068: bool = False) -> KnownIssuer:
    """Access tokens of a Keycloak realm, such as `https://id.example/realms/main`.

    Keycloak marks kinds by a claim `typ`, and by the header only where the client has "Use at+jwt
    as access token header type" on: then `rfc9068`. Roles are those of the realm and those of the
    client that is named like the audience.
    """
    names = ClaimNames(
        roles=(("realm_access", "roles"), ("resource_access", audience, "roles")),
        permissions=(),
        client_id=(("azp",), ("client_id",)),
    )
    policy = Policy(
        issuer=realm_url,
        audience=audience,
        typ="at+jwt" if rfc9068 else NO_TYP,
        required=("sub", "azp", ("typ", "Bearer")),
        claim_names=names,
    )
    return KnownIssuer("Keycloak", policy)


def auth0(domain: str, audience: str, *, rfc9068: bool = False) -> KnownIssuer:
    """Access tokens of an Auth0 tenant, such as `example.eu.auth0.com`, for the API `audience`.

    `permissions` are in them where the API has RBAC and "Add Permissions in the Access Token" on;
    `rfc9068` is for APIs with that token profile.
    """
    policy = Policy(
        issuer=f"https://{domain}/",
        audience=audience,
        typ="at+jwt" if rfc9068 else NO_TYP,
        required=("sub", "iat", "client_id" if rfc9068 else "azp"),
    )
    return KnownIssuer("Auth0", policy)


def entra_v2(tenant_id: str, audience: str | Collection[str]) -> KnownIssuer:
    """Access tokens, version 2.0, of a Microsoft Entra ID tenant, for the API of that client ID.

    ID tokens of the same application have no `azp`, which keeps them out.
    """
    return KnownIssuer(
        "Microsoft Entra ID",
        Policy(
            issuer=f"https://login.microsoftonline.com/{tenant_id}/v2.0",
            audience=audience,
            typ=NO_TYP,
            required=("sub", "azp", ("ver", "2.0"), ("tid", tenant_id)),
            claim_names=ClaimNames(scopes=(("scp",),), permissions=(), client_id=(("azp",),)),
        ),
        default_algorithm="RS256",  # its keys name none
    )


def entra_v1(tenant_id: str, audience: str | Collection[str]) -> KnownIssuer:
    """Access tokens, version 1.0, of a Microsoft Entra ID tenant; `audience` is the API's App ID
    URI. Their issuer is another one than the host that publishes its metadata."""
    return KnownIssuer(
        "Microsoft Entra ID, version 1.0",
        Policy(
            issuer=f"https://sts.windows.net/{tenant_id}/",
            audience=audience,
            typ=NO_TYP,
            required=("sub", "appid", ("ver", "1.0"), ("tid", tenant_id)),
            claim_names=ClaimNames(scopes=(("scp",),), permissions=(), client_id=(("appid",),)),
        ),
        metadata_url=(
            f"https://login.microsoftonline.com/{tenant_id}/.well-known/openid-configuration"
        ),
        default_algorithm="RS256",
    )


def cognito(region: str, user_pool_id: str, client_id: str) -> KnownIssuer:
    """Access tokens of an Amazon Cognito user pool for one app client.

    They have no `aud`: the client that they were issued to stands in for it. Groups are roles.
    """
    policy = Policy(
        issuer=f"https://cognito-idp.{region}.amazonaws.com/{user_pool_id}",
        audience=ANY_AUDIENCE,
        typ=NO_TYP,
        required=("sub", ("token_use", "access"), ("client_id", client_id)),
        claim_names=ClaimNames(
            roles=(("cognito:groups",),), permissions=(), client_id=(("client_id",),)
        ),
    )
    return KnownIssuer("Amazon Cognito", policy)


def google(client_id: str | Collection[str], *, hosted_domain: str | None = None) -> KnownIssuer:
    """Google's ID tokens: its access tokens are opaque, so that no service can verify them.

    `hosted_domain` admits the accounts of one Workspace domain alone (`hd`).
    """
    domain = () if hosted_domain is None else (("hd", hosted_domain),)
    policy = Policy(
        issuer="https://accounts.google.com",
        audience=client_id,
        typ=NO_TYP,
        profile=ID_TOKEN,
        required=("azp", *domain),
    )
    return KnownIssuer("Google", policy)


def okta(issuer: str, audience: str) -> KnownIssuer:
    """Access tokens of an Okta custom authorization server, such as
    `https://example.okta.com/oauth2/default`. Groups are roles, where a `groups` claim was added.
    """
    names = ClaimNames(
        scopes=(("scp",),),
        roles=(("groups",),),
        permissions=(),
        client_id=(("cid",),),
        scopes_in_array=True,
    )
    policy = Policy(
        issuer=issuer,
        audience=audience,
        typ=NO_TYP,
        required=("sub", "cid", "jti"),
        claim_names=names,
    )
    return KnownIssuer("Okta", policy)


def github_actions(
    audience: str, *, repository: str, ref: str | None = None, environment: str | None = None
) -> KnownIssuer:
    """Tokens of GitHub Actions workflows of one `owner/name`, of one `ref` or environment if given.

    The issuer serves every repository there is: without `repository` anybody's workflow would pass.
    """
    narrowed = {"ref": ref, "environment": environment}
    policy = Policy(
        issuer="https://token.actions.githubusercontent.com",
        audience=audience,
        typ=NO_TYP,
        required=(
            "sub",
            "jti",
            ("repository", repository),
            *((name, value) for name, value in narrowed.items() if value is not None),
        ),
        claim_names=ClaimNames(scopes=(), roles=(), permissions=(), client_id=()),
    )
    return KnownIssuer("GitHub Actions", policy)
