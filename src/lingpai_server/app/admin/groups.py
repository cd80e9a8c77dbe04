"""Groups: users who hold roles together, at any API. Refuses to know what their tokens say."""

from __future__ import annotations

from dataclasses import dataclass

from lingpai_server.app.admin.office import Office, Rejected, find_user
from lingpai_server.app.admin.roles import assign_role, remove_role
from lingpai_server.core.event_kinds import EventKind
from lingpai_server.core.records import Group, Role, User
from lingpai_server.core.status_effects import AddMember, DeleteGroup, PutGroup, RemoveMember

_MAX_NAME_CHARS = 128
_MAX_TEXT_CHARS = 256


@dataclass(frozen=True, slots=True)
class GroupWithMembers:
    """A group, who is in it, and which roles that brings."""

    group: Group
    members: tuple[User, ...]
    roles: tuple[Role, ...]


async def create_group(office: Office, name: str, description: str) -> Group:
    """A new group, or another description for one that is there. Raises Rejected."""
    if not name or not name.isprintable() or len(name) > _MAX_NAME_CHARS or name != name.strip():
        raise Rejected(f"a group's name is 1 to {_MAX_NAME_CHARS} printable characters")
    if not description.isprintable() or len(description) > _MAX_TEXT_CHARS:
        raise Rejected(f"a description is up to {_MAX_TEXT_CHARS} printable characters")
    group = Group(name, description)
    await office.store.apply([PutGroup(group), office.event(EventKind.GROUP_PUT, group=name)])
    return group


async def find_group(office: Office, name: str) -> Group:
    """The group of that name. Raises Rejected if there is none."""
    group = await office.store.load_group(name)
    if group is None:
        raise Rejected(f"there is no group {name!r}")
    return group


async def show_group(office: Office, name: str) -> GroupWithMembers:
    """A group with all that belongs to it. Raises Rejected."""
    group = await find_group(office, name)
    members = await office.store.list_members(name)
    return GroupWithMembers(group, members, await office.store.list_held_roles("group", name))


async def list_groups(office: Office) -> tuple[GroupWithMembers, ...]:
    """All groups by name."""
    return tuple(
        [await show_group(office, group.name) for group in await office.store.list_groups()]
    )


async def delete_group(office: Office, name: str) -> GroupWithMembers:
    """Forget a group and what its members had by it; the group as it was. Raises Rejected."""
    shown = await show_group(office, name)
    deleted = office.event(EventKind.GROUP_DELETED, group=name, members=len(shown.members))
    await office.store.apply([DeleteGroup(name), deleted])
    return shown


async def add_member(office: Office, name: str, username: str) -> User:
    """Put a user into a group. Raises Rejected if there is no such user or group."""
    await find_group(office, name)
    user = await find_user(office.store, username)
    added = office.event(EventKind.MEMBER_ADDED, user_id=user.user_id, group=name)
    await office.store.apply([AddMember(name, user.user_id), added])
    return user


async def remove_member(office: Office, name: str, username: str) -> User:
    """Take a user out of a group; it need not have been in it. Raises Rejected."""
    await find_group(office, name)
    user = await find_user(office.store, username)
    removed = office.event(EventKind.MEMBER_REMOVED, user_id=user.user_id, group=name)
    await office.store.apply([RemoveMember(name, user.user_id), removed])
    return user


async def grant_group_role(office: Office, name: str, audience: str, role: str) -> Group:
    """Give a role to all in a group. Raises Rejected if there is no such group or role."""
    group = await find_group(office, name)
    await assign_role(office, "group", name, audience, role)
    return group


async def revoke_group_role(office: Office, name: str, audience: str, role: str) -> Group:
    """Take a role from a group; it need not have had it. Raises Rejected."""
    group = await find_group(office, name)
    await remove_role(office, "group", name, audience, role)
    return group
