"""A stand-in for Composio's v3.1 API over real HTTP, for the real `composio` SDK."""

from __future__ import annotations

from typing import Any, Literal

from tests.servers.composio.accounts import Account, Accounts, AuthConfig, Status
from tests.servers.composio.app import api
from tests.servers.composio.catalogue import Catalogue
from tests.servers.composio.contract import Guard, contract
from tests.servers.composio.execution import Execution
from tests.servers.composio.faults import Fault, Faults, Kind
from tests.servers.composio.sessions import Sessions
from tests.servers.composio.webhooks import EXPIRED, Webhooks

KEY = "ak_stand_in"


class ComposioStandIn:
    """One Composio project: its catalogue, accounts, webhooks, what was done, and what goes wrong.

    `app` is the ASGI application; serve it with uvicorn. Every answer is held to the wire contract where
    its file is there.
    """

    def __init__(self, *, key: str = KEY) -> None:
        self.key = key
        self.catalogue = Catalogue()
        self.accounts = Accounts()
        self.execution = Execution(self.catalogue, self.accounts)
        self.sessions = Sessions(self.catalogue)
        self.webhooks = Webhooks()
        self.guard = Guard(api(self), contract())
        self.app = Faults(self.guard)

    def fault(self, kind: Kind, when: Literal["before", "after"] = "before", **more: Any) -> None:
        """Let the next executions go wrong; see `Fault`."""
        self.app.waiting.append(Fault(kind=kind, when=when, **more))

    def config(self, toolkit: str) -> AuthConfig:
        """The auth config with the toolkit's first scheme, made if there is none."""
        scheme = self.catalogue.toolkit(toolkit).schemes[0]
        for config in self.accounts.configs.values():
            if (config.toolkit, config.scheme, config.enabled) == (toolkit, scheme.mode, True):
                return config
        return self.accounts.new_config(toolkit, scheme.mode, managed=scheme.managed)

    def connect(self, user_id: str, toolkit: str) -> Account:
        """An active account, as if the user had followed a link."""
        config = self.config(toolkit)
        account = self.accounts.start(config.id, user_id)
        account.set("ACTIVE")
        return account

    async def change(self, account: Account, status: Status, reason: str | None = None) -> None:
        """Move an account to another status; who wants to know of its expiry is told."""
        account.set(status, reason)
        if status == "EXPIRED":
            await self.webhooks.send(EXPIRED, account.in_full())

    def effects(self, tool: str | None = None) -> int:
        """How many changes were made, by one tool or by all."""
        return sum(tool in (None, each.tool) for each in self.execution.effects)

    def posts(self, tool: str) -> int:
        """How often a tool was requested to run, whether it did or not."""
        return self.app.counts()[f"POST /tools/execute/{tool}"]
