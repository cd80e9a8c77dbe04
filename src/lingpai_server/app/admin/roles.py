"""Who holds a role: users, clients and groups alike. Refuses to know what a role permits."""

from __future__ import annotations

from dataclasses import dataclass

from lingpai_server.app.admin.office import Office, Rejected
from lingpai_server.core.effects import AssignRole, HolderKind, Record, RemoveRole
from lingpai_server.core.event_kinds import EventKind
from lingpai_server.core.records import Role


@dataclass(frozen=True, slots=True)
class RoleHolders:
    """A role and who was given it: `users` that hold it themselves, by name, `members` how many
    users are in its groups."""

    role: Role
    users: tuple[str, ...]
    groups: tuple[str, ...]
    clients: tuple[str, ...]
    members: int


async def find_role(office: Office, audience: str, name: str) -> Role:
    """One role. Raises Rejected if there is none."""
    role = await office.store.load_role(audience, name)
    if role is None:
        raise Rejected(f"there is no role {name!r} at {audience}")
    return role


async def show_role(office: Office, audience: str, name: str) -> RoleHolders:
    """A role and all who hold it. Asks about everybody, one by one. Raises Rejected."""
    store = office.store
    role = await find_role(office, audience, name)
    users = [
        user.username
        for user in await store.list_users()
        if role in await store.list_held_roles("user", user.user_id)
    ]
    groups = [
        group.name
        for group in await store.list_groups()
        if role in await store.list_held_roles("group", group.name)
    ]
    clients = [
        client.client_id
        for client in await store.list_clients()
        if role in await store.list_held_roles("client", client.client_id)
    ]
    members = {user.user_id for name in groups for user in await store.list_members(name)}
    return RoleHolders(role, tuple(users), tuple(groups), tuple(clients), len(members))


async def assign_role(
    office: Office, kind: HolderKind, holder: str, audience: str, name: str
) -> None:
    """Give a role to whoever is known to be there. Raises Rejected if there is no such role."""
    await find_role(office, audience, name)
    event = _event(office, EventKind.ROLE_GRANTED, kind, holder, audience, name)
    await office.store.apply([AssignRole(kind, holder, audience, name), event])


async def remove_role(
    office: Office, kind: HolderKind, holder: str, audience: str, name: str
) -> None:
    """Take a role away; the holder need not have had it. Raises Rejected."""
    await find_role(office, audience, name)
    event = _event(office, EventKind.ROLE_REVOKED, kind, holder, audience, name)
    await office.store.apply([RemoveRole(kind, holder, audience, name), event])


def _event(
    office: Office, event: EventKind, kind: HolderKind, holder: str, audience: str, name: str
) -> Record:
    match kind:
        case "user":
            return office.event(event, user_id=holder, audience=audience, role=name)
        case "client":
            return office.event(event, client_id=holder, audience=audience, role=name)
        case "group":
            return office.event(event, group=holder, audience=audience, role=name)
