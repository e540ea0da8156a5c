"""What a person or a test in another process can see and change behind the API's back: `/_control`."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from pydantic import BaseModel

from tests.servers.composio.accounts import Status
from tests.servers.composio.faults import Fault

if TYPE_CHECKING:
    from tests.servers.composio.standin import ComposioStandIn


class Listing(BaseModel):
    """A file of tools, one JSON object a line, on the machine of the stand-in."""

    path: Path


class Change(BaseModel):
    """Another status of an account."""

    status: Status
    reason: str | None = None


class Version(BaseModel):
    """A new version of a toolkit."""

    version: str


def router(standin: ComposioStandIn) -> APIRouter:
    """The routes below `/_control`; they need no key."""
    routes = APIRouter(prefix="/_control")
    _add_views(routes, standin)
    _add_switches(routes, standin)
    return routes


def _add_views(routes: APIRouter, standin: ComposioStandIn) -> None:
    @routes.get("/effects")
    async def effects() -> dict[str, Any]:
        made = [asdict(each) for each in standin.execution.effects]
        return {"total": len(made), "by_tool": Counter(each["tool"] for each in made), "effects": made}

    @routes.get("/requests")
    async def requests() -> dict[str, Any]:
        return {"counts": standin.app.counts(), "requests": [asdict(each) for each in standin.app.seen]}

    @routes.get("/state")
    async def state() -> list[dict[str, Any]]:
        return [
            {
                "connected_account_id": each.id,
                "user_id": each.user_id,
                "toolkit": each.toolkit,
                "status": each.status,
                "holds": vars(standin.execution.states[each.id]),
            }
            for each in standin.accounts.accounts.values()
            if standin.execution.states.get(each.id)
        ]

    @routes.get("/webhooks")
    async def webhooks() -> list[dict[str, Any]]:
        return [asdict(each) for each in standin.webhooks.deliveries]

    @routes.get("/violations")
    async def violations() -> list[str]:
        return standin.guard.violations


def _add_switches(routes: APIRouter, standin: ComposioStandIn) -> None:
    @routes.get("/faults")
    async def waiting() -> list[Fault]:
        return standin.app.waiting

    @routes.post("/faults", status_code=201)
    async def add(fault: Fault) -> Fault:
        standin.app.waiting.append(fault)
        return fault

    @routes.delete("/faults")
    async def clear() -> dict[str, int]:
        count = len(standin.app.waiting)
        standin.app.waiting.clear()
        return {"removed": count}

    @routes.post("/catalogue")
    async def load(listing: Listing) -> dict[str, int]:
        added = standin.catalogue.load(listing.path)
        return {"added": added, "tools": len(standin.catalogue.tools)}

    @routes.post("/toolkits/{slug}/versions")
    async def publish(slug: str, new: Version) -> dict[str, Any]:
        standin.catalogue.publish(slug, new.version)
        return {"versions": standin.catalogue.toolkit(slug).versions}

    @routes.post("/accounts/{identity}")
    async def change(identity: str, wanted: Change) -> dict[str, Any]:
        account = standin.accounts.account(identity)
        await standin.change(account, wanted.status, wanted.reason)
        return account.in_full()
