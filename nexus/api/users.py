"""Who else may use this server: for admins."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from nexus.api.access import needs
from nexus.api.dependencies import Id
from nexus.api.openapi import problems
from nexus.core.roles import Role
from nexus.ports.users import User, Users
from nexus.runtime.services import Services

router = APIRouter(prefix="/users", tags=["users"], dependencies=[needs("manage")])

_USER: dict[str, Any] = {
    "user": "ana",
    "role": "approver",
    "created_at": "2026-11-25T09:00:00Z",
    "revoked_at": None,
}


class UserView(BaseModel):
    """Somebody who may use this server, or might."""

    model_config = ConfigDict(json_schema_extra={"examples": [_USER]})

    user: str
    role: Role = Field(description="user; approver: also decides where a rule says so; admin: also manages")
    created_at: datetime = Field(description="When they got their present key, or came first")
    revoked_at: datetime | None = None

    @classmethod
    def of(cls, user: User) -> Self:
        """The view of a user."""
        return cls(user=user.id, role=user.role, created_at=user.created_at, revoked_at=user.revoked_at)


class UserWithKey(BaseModel):
    """A new user's key."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"user": "ana", "key": "nexus_…"}]})

    user: str
    key: str = Field(description="Shown this once")


class NewUser(BaseModel):
    """Whom to let in."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"user": "ana", "role": "approver"}]}
    )

    user: Annotated[str, Field(max_length=100, description="a-z, 0-9, '.', '_' and '-'")]
    role: Role = "user"


class NewRole(BaseModel):
    """What a user may do from now on."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"role": "approver"}]})

    role: Role


async def _users(request: Request) -> Users:
    services: Services = request.state.services
    return services.users


UsersDep = Annotated[Users, Depends(_users)]


@router.get("", responses=problems(403), summary="List users")
async def list_users(users: UsersDep) -> list[UserView]:
    """By name, also those whose key was revoked."""
    return [UserView.of(user) for user in await users.search()]


@router.post("", responses=problems(409, changes=True), summary="Let somebody in")
async def add_user(body: NewUser, users: UsersDep) -> UserWithKey:
    """From the first user on every request needs a key, also yours: add `owner` for one of your own."""
    return UserWithKey(user=body.user, key=await users.add(body.user, body.role))


@router.patch("/{user_id}", responses=problems(404, changes=True), summary="Change a user's role")
async def change_role(user_id: Id, body: NewRole, users: UsersDep) -> UserView:
    """In force from their next request on."""
    return UserView.of(await users.change_role(user_id, body.role))


@router.delete("/{user_id}", responses=problems(403, 404), summary="Revoke a user's key")
async def revoke_user(user_id: Id, users: UsersDep) -> UserView:
    """At once; what is theirs stays."""
    return UserView.of(await users.revoke(user_id))
