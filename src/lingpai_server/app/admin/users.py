"""Users: create, lock, reset, assign roles, end sessions. A password given is never shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from lingpai_server.accounts.claims import why_not_claim
from lingpai_server.accounts.passwords import PasswordProblem, decide_new_password
from lingpai_server.app.admin.office import Office, Rejected, find_user, read_username
from lingpai_server.app.admin.roles import assign_role, remove_role
from lingpai_server.app.entropy import draw_identifier, draw_password
from lingpai_server.core.effects import (
    CreateUser,
    EndSessionsOfUser,
    ReplacePasswordHash,
    SetAccountStatus,
)
from lingpai_server.core.event_kinds import EventKind
from lingpai_server.core.flow_effects import PutUserClaims
from lingpai_server.core.records import Access, AccountStatus, Role, User
from lingpai_server.core.secret import Secret

RESET = "password_reset"
ENDED_BY_OPERATOR = "ended_by_operator"


@dataclass(frozen=True, slots=True)
class UserWithPassword:
    """`generated` is the password if it was drawn here, to be shown once."""

    user: User
    generated: Secret[str] | None


@dataclass(frozen=True, slots=True)
class UserWithAccess:
    """A user, and what it may do by audience where that is anything: `own` are the roles given to
    the user, `by_group` those that come with each of its groups."""

    user: User
    access: Mapping[str, Access]
    own: tuple[Role, ...] = ()
    by_group: Mapping[str, tuple[Role, ...]] = field(default_factory=dict)


async def show_user(office: Office, username: str) -> UserWithAccess:
    """A user with its roles everywhere. Raises Rejected if there is none."""
    user = await find_user(office.store, username)
    access: dict[str, Access] = {}
    for api in await office.store.list_apis():
        facts = await office.store.load_login(
            username=user.username, client_id="", audience=api.audience
        )
        if facts.access.roles:
            access[api.audience] = facts.access
    own = await office.store.list_held_roles("user", user.user_id)
    by_group = {
        group.name: await office.store.list_held_roles("group", group.name)
        for group in await office.store.list_groups_of(user.user_id)
    }
    return UserWithAccess(user, access, own, by_group)


async def change_claims(
    office: Office, username: str, *, put: Mapping[str, Any], remove: Collection[str]
) -> User:
    """Change what is known of a person (OpenID Connect Core section 5.1). Raises Rejected."""
    user = await find_user(office.store, username)
    for name, value in put.items():
        problem = why_not_claim(name, value)
        if problem is not None:
            raise Rejected(problem)
    claims = {name: value for name, value in {**user.claims, **put}.items() if name not in remove}
    event = office.event(EventKind.USER_CLAIMS_PUT, user_id=user.user_id)
    await office.store.apply([PutUserClaims(user.user_id, claims), event])
    return await find_user(office.store, username)


async def create_user(
    office: Office, username: str, password: Secret[str] | None
) -> UserWithPassword:
    """A new user; without `password` one is drawn. Raises Rejected or AlreadyExists."""
    name = read_username(username)
    chosen = _choose(office, name, password)
    user = User(
        user_id=draw_identifier(),
        username=name,
        password_hash=await office.hasher.hash(chosen),
        status=AccountStatus.ACTIVE,
        access_version=1,
        created_at=office.seconds(),
    )
    created = office.event(EventKind.USER_CREATED, user_id=user.user_id)
    await office.store.apply([CreateUser(user), created])
    return UserWithPassword(user, chosen if password is None else None)


async def reset_password(
    office: Office, username: str, password: Secret[str] | None
) -> UserWithPassword:
    """A new password, and an end to every session that began with the old one.

    Raises Rejected, or StaleState if the account changed meanwhile.
    """
    user = await find_user(office.store, username)
    chosen = _choose(office, user.username, password)
    renewed = await office.hasher.hash(chosen)
    await office.store.apply(
        [
            ReplacePasswordHash(user.user_id, user.access_version, renewed, reset=True),
            EndSessionsOfUser(user.user_id, office.seconds(), RESET),
            office.event(EventKind.PASSWORD_RESET, user_id=user.user_id),
        ]
    )
    return UserWithPassword(user, chosen if password is None else None)


async def set_locked(office: Office, username: str, *, locked: bool) -> User:
    """Lock or unlock an account. Its sessions stay, and give nothing while it is locked."""
    user = await find_user(office.store, username)
    status = AccountStatus.LOCKED if locked else AccountStatus.ACTIVE
    kind = EventKind.USER_LOCKED if locked else EventKind.USER_UNLOCKED
    await office.store.apply(
        [SetAccountStatus(user.user_id, status), office.event(kind, user_id=user.user_id)]
    )
    return user


async def grant_role(office: Office, username: str, audience: str, role: str) -> User:
    """Give a role to a user. Raises Rejected if there is no such user or role."""
    user = await find_user(office.store, username)
    await assign_role(office, "user", user.user_id, audience, role)
    return user


async def revoke_role(office: Office, username: str, audience: str, role: str) -> User:
    """Take a role away; the user need not have had it. Raises Rejected as `grant_role` does."""
    user = await find_user(office.store, username)
    await remove_role(office, "user", user.user_id, audience, role)
    return user


async def end_sessions(office: Office, username: str) -> User:
    """Log a user out everywhere."""
    user = await find_user(office.store, username)
    await office.store.apply(
        [
            EndSessionsOfUser(user.user_id, office.seconds(), ENDED_BY_OPERATOR),
            office.event(EventKind.SESSIONS_ENDED, user_id=user.user_id),
        ]
    )
    return user


def _choose(office: Office, username: str, password: Secret[str] | None) -> Secret[str]:
    if password is None:
        return draw_password()
    chosen = decide_new_password(password.reveal(), username=username, policy=office.passwords)
    if isinstance(chosen, PasswordProblem):
        raise Rejected(_explain(chosen, office))
    return chosen


def _explain(problem: PasswordProblem, office: Office) -> str:
    match problem:
        case PasswordProblem.TOO_SHORT:
            return f"{problem} It needs {office.passwords.min_length} characters."
        case PasswordProblem.TOO_LONG:
            return f"{problem} It may have {office.passwords.max_length} characters."
        case _:
            return problem.value
