"""Clients, APIs and people that change: replaced as a whole, deleted for ever."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.stores import (
    BROWSER_ID,
    FAMILY_ID,
    NOW,
    ORDERS,
    a_client,
    a_code,
    a_consent,
    a_device,
    a_family,
    a_pushed_request,
    a_session,
    a_sign_in,
    a_user,
    an_api,
    fill,
    people_and_apis,
    run,
)

from lingpai_server.core.api_settings import ApiSettings, TokenFormat
from lingpai_server.core.client_settings import (
    ClientOrigin,
    ClientSettings,
    Encryption,
    SecurityProfile,
    SubjectType,
)
from lingpai_server.core.effects import (
    AssignRole,
    CreateApi,
    CreateClient,
    CreateUser,
    Effect,
    RequireVersion,
    SetClientDisabled,
    StartFamily,
    StartSession,
)
from lingpai_server.core.flow_effects import (
    DeleteClient,
    PutConsent,
    PutUserClaims,
    ReplaceApi,
    ReplaceClient,
    StoreCode,
    StoreDevice,
    StorePushed,
)
from lingpai_server.core.ports import AlreadyExists, NotFound, StaleState, Store
from lingpai_server.core.records import Access, Client

SETTINGS = ClientSettings(
    profile=SecurityProfile.FAPI2,
    origin=ClientOrigin.REGISTERED,
    redirect_uris=("https://app.example/回调", "https://app.example/b"),
    auth_method="private_key_jwt",
    jwks='{"keys":[]}',
    dpop_bound=True,
    subject_type=SubjectType.PAIRWISE,
    id_token_encryption=Encryption("RSA-OAEP-256", "A256GCM"),
    default_max_age_seconds=0,
    registration_sha256="digest",
    document_expires_at=NOW,
)
API_SETTINGS = ApiSettings(
    format=TokenFormat.JWE,
    encryption_jwk="{}",
    scope_texts={"orders:read": "See your orders", "orders:read#zh-CN": "查看订单"},
    details_types=("order",),
)
CLAIMS = {
    "name": "张明",
    "email_verified": True,
    "updated_at": NOW,
    "address": {"country": "CN", "formatted": 'A "B"\nC'},
    "locale": None,
}
DELETE = DeleteClient("app", 1, NOW + 5)
A_DAY = 86_400


def client_of(store: Store, client_id: str = "app") -> Client:
    """The client, which must be there."""
    client = run(store.load_client(client_id))
    assert client is not None
    return client


def test_a_client_comes_back_with_all_that_it_registered(store: Store) -> None:
    client = a_client(settings=SETTINGS)
    fill(store, [CreateClient(client)])
    assert client_of(store) == client


def test_an_api_comes_back_with_its_settings(store: Store) -> None:
    api = an_api(settings=API_SETTINGS)
    fill(store, [CreateApi(api)])
    assert run(store.load_api(ORDERS)) == api
    assert run(store.list_apis()) == (api,)


def test_a_user_comes_back_with_his_claims(store: Store) -> None:
    user = a_user(claims=CLAIMS)
    fill(store, [CreateUser(user)])
    assert run(store.load_user("ming")) == user
    assert run(store.load_user_by_id("id-of-ming")) == user
    assert run(store.load_user_by_id("nobody")) is None


def test_claims_are_replaced_as_a_whole_and_the_access_version_stays(store: Store) -> None:
    fill(store, [CreateUser(a_user(claims=CLAIMS))])
    fill(store, [PutUserClaims("id-of-ming", {"name": "Ming"})])
    assert run(store.load_user("ming")) == a_user(claims={"name": "Ming"})


def test_the_claims_of_an_unknown_user_cannot_be_put(store: Store) -> None:
    with pytest.raises(NotFound):
        run(store.apply((PutUserClaims("nobody", {}),)))


def test_a_client_is_replaced_and_its_access_version_raised(store: Store) -> None:
    new = a_client(
        name="New",
        secret_sha256=b"s" * 32,
        grant_types=("authorization_code",),
        scopes=("openid",),
        audiences=(),
        settings=SETTINGS,
    )
    fill(store, [CreateClient(a_client())], [ReplaceClient(new)])
    assert client_of(store) == replace(new, access_version=2)


def test_a_replacement_leaves_whether_it_is_disabled_and_since_when_it_is(store: Store) -> None:
    fill(store, [CreateClient(a_client())], [SetClientDisabled("app", disabled=True)])
    bold = a_client(access_version=2, disabled=False, created_at=0)
    fill(store, [ReplaceClient(bold)])
    assert client_of(store) == a_client(access_version=3, disabled=True)


@pytest.mark.parametrize("client", [a_client(access_version=2), a_client("nobody")])
def test_a_replacement_of_what_is_not_so_is_lost(store: Store, client: Client) -> None:
    fill(store, [CreateClient(a_client())])
    with pytest.raises(StaleState):
        run(store.apply((ReplaceClient(client),)))
    assert client_of(store) == a_client()


def test_an_api_is_replaced_and_its_access_version_raised(store: Store) -> None:
    new = an_api(
        name="New",
        algorithm="RS256",
        scopes=("a", "b"),
        access_ttl_seconds=60,
        settings=API_SETTINGS,
    )
    fill(store, [CreateApi(an_api())], [ReplaceApi(new)])
    assert run(store.load_api(ORDERS)) == replace(new, access_version=2)
    with pytest.raises(StaleState):
        run(store.apply((ReplaceApi(new),)))


def test_the_replacement_of_an_unknown_api_is_lost(store: Store) -> None:
    with pytest.raises(StaleState):
        run(store.apply((ReplaceApi(an_api()),)))


def test_a_deleted_client_is_disabled_and_no_longer_listed(store: Store) -> None:
    fill(store, people_and_apis(), [CreateClient(a_client("other"))], [DELETE])
    assert client_of(store) == a_client(disabled=True, access_version=2)
    assert run(store.list_clients()) == (a_client("other"),)


def test_a_deleted_client_ends_its_sessions_and_revokes_its_families(store: Store) -> None:
    fill(store, people_and_apis(), a_sign_in(), [CreateClient(a_client("other"))])
    of_browser = a_session(browser_id=BROWSER_ID)
    offline = a_session("offline", offline=True)
    of_other = a_session("other", client_id="other")
    fill(store, map(StartSession, (of_browser, offline, of_other)), [StartFamily(a_family())])
    fill(store, [DELETE])
    reason = "client_deleted"
    facts = run(store.load_family(FAMILY_ID))
    assert facts is not None
    assert facts.session == replace(of_browser, ended_at=NOW + 5, end_reason=reason)
    assert facts.family == a_family(revoked_at=NOW + 5, revoked_reason=reason)
    for session in (replace(offline, ended_at=NOW + 5, end_reason=reason), of_other):
        found = run(store.load_session(session.session_id))
        assert found is not None
        assert found.session == session


def test_a_deleted_client_loses_its_roles_and_consents(store: Store) -> None:
    fill(store, people_and_apis(), a_sign_in())
    fill(store, [AssignRole("client", "app", ORDERS, "clerk"), PutConsent(a_consent())])
    fill(store, [replace(DELETE, access_version=2)])
    facts = run(store.load_client_facts(client_id="app", audience=ORDERS))
    assert facts is not None
    assert facts.access == Access()
    authorize = run(store.load_authorize(client_id="app", audience=ORDERS, browser_id=BROWSER_ID))
    assert authorize.consent is None


def test_a_deleted_client_is_never_enabled_replaced_or_deleted_again(store: Store) -> None:
    fill(store, people_and_apis(), [DELETE])
    with pytest.raises(NotFound):
        run(store.apply((SetClientDisabled("app", disabled=False),)))
    with pytest.raises(StaleState):
        run(store.apply((ReplaceClient(a_client(access_version=2)),)))
    with pytest.raises(StaleState):
        run(store.apply((replace(DELETE, access_version=2),)))
    assert client_of(store) == a_client(disabled=True, access_version=2)


def test_the_identifier_of_a_deleted_client_stays_taken(store: Store) -> None:
    fill(store, people_and_apis(), [DELETE])
    with pytest.raises(AlreadyExists):
        run(store.apply((CreateClient(a_client()),)))


@pytest.mark.parametrize("delete", [DeleteClient("app", 9, NOW), DeleteClient("nobody", 1, NOW)])
def test_the_deletion_of_what_is_not_so_is_lost(store: Store, delete: DeleteClient) -> None:
    fill(store, people_and_apis())
    with pytest.raises(StaleState):
        run(store.apply((delete,)))
    assert client_of(store) == a_client()


def test_a_grant_that_races_the_deletion_of_its_client_is_lost(store: Store) -> None:
    fill(store, people_and_apis(), [DELETE])
    with pytest.raises(StaleState):
        run(store.apply((RequireVersion("client", "app", 1), StartSession(a_session()))))


def test_a_deleted_client_is_gone_after_a_day(store: Store) -> None:
    fill(store, people_and_apis(), a_sign_in(), [PutConsent(a_consent())], [DELETE])
    assert run(store.remove_expired(NOW + 5 + A_DAY - 1, 100)) == 0
    assert run(store.remove_expired(NOW + 5 + A_DAY, 100)) == 1
    assert run(store.load_client("app")) is None
    fill(store, [CreateClient(a_client())])


def test_a_client_that_was_not_deleted_stays_whatever_the_time(store: Store) -> None:
    fill(store, people_and_apis(), [SetClientDisabled("app", disabled=True)])
    assert run(store.remove_expired(NOW + 10_000 * A_DAY, 100)) == 0
    assert client_of(store).disabled


LATE = NOW + 10 * A_DAY
ELSEWHERE = a_session("elsewhere", client_id="other", absolute_deadline=LATE)
REFERENCES: dict[str, tuple[Effect, ...]] = {
    "session": (StartSession(a_session(absolute_deadline=LATE)),),
    "family": (
        StartSession(ELSEWHERE),
        StartFamily(a_family(session_id="elsewhere", absolute_deadline=LATE)),
    ),
    "code": (StoreCode(a_code(expires_at=LATE)),),
    "pushed request": (StorePushed(a_pushed_request(expires_at=LATE)),),
    "device": (StoreDevice(a_device(expires_at=LATE)),),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_a_deleted_client_stays_for_as_long_as_something_refers_to_it(
    store: Store, name: str
) -> None:
    fill(store, people_and_apis(), a_sign_in(), [CreateClient(a_client("other"))])
    fill(store, REFERENCES[name], [DELETE])
    run(store.remove_expired(LATE - 1, 100))
    assert run(store.remove_expired(LATE - 1, 100)) == 0
    assert client_of(store).disabled
    assert run(store.remove_expired(LATE, 100)) == len(REFERENCES[name]) + 1
    assert run(store.load_client("app")) is None
