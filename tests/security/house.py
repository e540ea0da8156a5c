"""A house of several people: the real wiring over real desks, with a scripted model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from pydantic import SecretStr

from nexus.core.roles import Role
from nexus.runtime.services import Services
from nexus.settings import Settings
from nexus.store.audit import SqliteAudit
from nexus.store.sessions import SqliteSessions
from nexus.store.users import SqliteUsers
from nexus.testing import ScriptedModel
from nexus.tools.index import HybridIndex
from nexus.tools.shared_index import SharedIndex
from nexus.wiring.notices import notices_for
from nexus.wiring.shared import open_shared
from nexus.wiring.user import open_user
from nexus.wiring.users import open_users
from tests.api.serving import Office, request, serving
from tests.servers.composio.standin import KEY

ADD_TASK = "desk_add_task"
NO_MODEL = "openai:http://127.0.0.1:9/v1#none"


@dataclass
class House(Office):
    """An office whose people work at desks of their own.

    Attributes:
        composio_url: Where the stand-in for Composio is; without one no app can be connected.
    """

    composio_url: str = ""

    @property
    def settings(self) -> Settings:
        """Nobody can be reached by it but this machine."""
        apps: dict[str, Any] = (
            {"composio_api_key": SecretStr(KEY), "composio_base_url": self.composio_url}
            if self.composio_url
            else {}
        )
        return Settings(home=self.home, host="127.0.0.1", port=0, model=NO_MODEL, **apps)

    @asynccontextmanager
    async def open_services(self) -> AsyncGenerator[Services]:
        """As `nexus.app.open_services`, but for the model and an index without one."""
        async with open_shared(self.settings, on_the_spot=True) as opened:
            index = SharedIndex(HybridIndex(None, None))
            shared = replace(opened, model=self.model, index=index, policy=self.policy)
            users = SqliteUsers(shared.database)
            services = Services(
                partial(open_user, shared),
                users,
                notices_for(shared),
                SqliteAudit(shared.database),
                SqliteSessions(shared.database),
            )
            try:
                yield services
            finally:
                await services.close()

    def add(self, name: str, role: Role = "user") -> str:
        """A new user's key, made as the command line does."""

        async def added() -> str:
            async with open_users(self.settings) as users:
                return await users.add(name, role)

        return asyncio.run(added())

    def revoke(self, name: str) -> None:
        """Take a key away, as the command line does."""

        async def revoked() -> None:
            async with open_users(self.settings) as users:
                await users.revoke(name)

        asyncio.run(revoked())

    def will_add_a_task(self, title: str) -> None:
        """The script of the next run."""
        self.model.script.clear()
        self.model.calls((ADD_TASK, {"title": title}), answer="Added.")

    def tasks(self, user: str) -> Sequence[str]:
        """The names of the task files on a user's desk."""
        folder = self.home if user == "owner" else self.home / "users" / user
        return sorted(path.name for path in (folder / "desk" / "tasks").glob("*"))


@dataclass(frozen=True)
class Person:
    """A client with a key, or without one."""

    client: httpx.Client
    key: str | None = None

    def __call__(self, method: str, path: str, **more: Any) -> httpx.Response:
        """A request."""
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        return self.client.request(method, path, headers=headers, **more)

    def waits(self, house: House, thread: str, title: str) -> dict[str, Any]:
        """Ask for a task in a new thread of that id; the approval it waits for."""
        house.will_add_a_task(title)
        self("POST", "/threads", json={"thread_id": thread}).raise_for_status()
        body = request(f"Add a task: {title}")
        self("POST", f"/threads/{thread}/runs/wait", json=body).raise_for_status()
        (approval,) = self("GET", f"/threads/{thread}/story").raise_for_status().json()["approvals"]
        return approval

    def approves(self, approval: dict[str, Any]) -> dict[str, Any]:
        """Say yes, and wait for the end."""
        path = f"/approvals/{approval['id']}/decision"
        answer = self("POST", path, params={"wait": "true"}, json={"type": "approve"})
        return answer.raise_for_status().json()


@contextmanager
def open_house(
    home: Path,
    model: ScriptedModel | None = None,
    prepare: Callable[[FastAPI], None] = lambda _: None,
    *,
    composio_url: str = "",
) -> Generator[tuple[House, httpx.Client]]:
    """A house whose server runs."""
    house = House(home, composio_url=composio_url)
    house.model = model or house.model
    with serving(house, prepare) as client:
        yield house, client
