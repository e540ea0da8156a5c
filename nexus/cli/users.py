"""`nexus users`: who may use this Nexus over HTTP."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from nexus.cli.entry import JsonFlag, users_of

users = typer.Typer(help="Let others use this Nexus over HTTP, each by themselves.", no_args_is_help=True)

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="a-z, 0-9, '.', '_' and '-'; the same user at Composio.")
]
_ROLES = "approver: also decides on others' calls if a rule says so; admin: also manages users."


class RoleName(Enum):
    """What a user may be."""

    user = "user"
    approver = "approver"
    admin = "admin"


@users.command()
def add(
    context: typer.Context,
    name: Name,
    *,
    role: Annotated[RoleName, typer.Option(help=_ROLES)] = RoleName.user,
    as_json: JsonFlag = False,
) -> None:
    """Let somebody in, and print their key: it is shown this once and kept nowhere.

    From the first user on every request needs a key, also yours: add `owner` for one of your own.
    """
    from nexus.cli.exits import DONE
    from nexus.cli.session import Session, carry_out
    from nexus.core.user import OWNER

    async def work(session: Session) -> int:
        async with users_of(context) as found:
            key = await found.add(name, role.value)
            has_own = any(user.id == OWNER for user in await found.search())
        session.watcher.table(["user", "key"], [({"user": name, "key": key}, [name, key])], nothing="")
        session.watcher.note("Send the key as `Authorization: Bearer KEY`. It is not shown again.")
        if not has_own:
            yours = "Every request needs a key now, also your own: `nexus users add owner` makes you one."
            session.watcher.note(yours, tone="warn")
        return DONE

    carry_out(work, as_json=as_json)


@users.command("list")
def list_(context: typer.Context, *, as_json: JsonFlag = False) -> None:
    """List the users, and whether their key is valid."""
    from nexus.cli.listing import show_users
    from nexus.cli.session import Session, carry_out

    async def work(session: Session) -> int:
        async with users_of(context) as found:
            return show_users(session.watcher, await found.search())

    carry_out(work, as_json=as_json)


@users.command()
def role(context: typer.Context, name: Name, role: RoleName, *, as_json: JsonFlag = False) -> None:
    """Give a user another role: user, approver (decides on others' calls if a rule says so) or admin."""
    from nexus.cli.listing import show_users
    from nexus.cli.session import Session, carry_out

    async def work(session: Session) -> int:
        async with users_of(context) as found:
            return show_users(session.watcher, [await found.change_role(name, role.value)])

    carry_out(work, as_json=as_json)


@users.command()
def revoke(context: typer.Context, name: Name, *, as_json: JsonFlag = False) -> None:
    """Make a user's key invalid, at once; what is theirs stays. `add` gives them a new key."""
    from nexus.cli.listing import show_users
    from nexus.cli.session import Session, carry_out

    async def work(session: Session) -> int:
        async with users_of(context) as found:
            return show_users(session.watcher, [await found.revoke(name)])

    carry_out(work, as_json=as_json)
