"""A server whose agent wants to send mail, and what a browser sees of its inbox."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
from playwright.async_api import Page

from nexus.core.action import ApprovalId, Call, CallId, Digest, ThreadId
from nexus.core.approval import Approval
from nexus.settings import Settings
from nexus.store.approvals import SqliteApprovals
from nexus.store.database import Database
from tests.api.serving import READ, SEND, Office
from tests.browser import Tab

MAIL = replace(
    SEND,
    toolkit="gmail",
    title="Send an e-mail",
    parameters={
        "type": "object",
        "properties": {
            "to": {"type": "array", "items": {"type": "string", "pattern": "@"}},
            "subject": {"type": "string", "maxLength": 40, "description": "Subject line"},
            "body": {"type": "string"},
            "priority": {"enum": ["low", "high"]},
            "html": {"type": "boolean"},
        },
        "required": ["to", "body"],
        "additionalProperties": False,
    },
)

LETTER: dict[str, Any] = {
    "to": ["ana@example.com", "ben@example.com"],
    "subject": "Review moved",
    "body": "Hello Ana,\n\nthe review moved to Friday.",
}


@dataclass
class MailOffice(Office):
    """An office whose tool sends letters."""

    undo: float = 0.2
    at_port: int = 0

    def __post_init__(self) -> None:
        self.tools.specs = (MAIL, READ)
        self.tools.gate.set()

    @property
    def settings(self) -> Settings:
        return super().settings.model_copy(update={"undo_seconds": self.undo, "port": self.at_port})


@dataclass(frozen=True)
class Reader:
    """A person at the inbox."""

    tab: Tab

    @property
    def page(self) -> Page:
        return self.tab.page

    async def text(self, selector: str = "main") -> str:
        return await self.page.inner_text(selector)

    async def press(self, label: str, *, card: int = 0) -> None:
        """Press a button of a card."""
        await (
            self.page.locator("article.card").nth(card).get_by_role("button", name=label, exact=True).click()
        )

    async def sees(self, text: str) -> None:
        """Wait until it stands there."""
        await self.page.get_by_text(text).first.wait_for()

    def was_quiet(self) -> None:
        """Nothing was fetched from elsewhere, no script failed or was stopped, no dialog opened."""
        # A form that is refused answers with its status, and the browser's console repeats that.
        complaints = [
            each for each in self.tab.complaints if "the server responded with a status" not in each
        ]
        assert (self.tab.strayed, complaints, self.tab.dialogs) == ([], [], [])


async def fill(office: Office, letters: Sequence[dict[str, Any]], *, each_thread: int = 1) -> list[Approval]:
    """Questions that wait, as rows: `each_thread` of them in a thread."""
    database = Database(office.home / "nexus.db", office.clock)
    try:
        approvals, now = SqliteApprovals(database, "owner"), office.clock.now()
        return [
            await approvals.ask(
                Approval(
                    id=ApprovalId(f"question-{number:03d}-1"),
                    thread=ThreadId(f"thread-{number // each_thread:03d}"),
                    call=Call(CallId(f"question-{number:03d}"), "send", letter),
                    question="action",
                    digest=Digest(f"{number:064x}"),
                    reason="it reaches other people or services",
                    policy_version="p",
                    origins={"/subject": "model", "/body": "tool:read"},
                    created_at=now + timedelta(seconds=number),
                    expires_at=now + timedelta(days=1),
                )
            )
            for number, letter in enumerate(letters)
        ]
    finally:
        await database.close()


def state(client: httpx.Client, approval: str) -> str:
    """How the approval stands."""
    return shown(client, approval)["state"]


def shown(client: httpx.Client, approval: str) -> dict[str, Any]:
    """The approval as the API has it."""
    return client.get(f"/approvals/{approval}").raise_for_status().json()


async def eventually(client: httpx.Client, approval: str, wanted: str) -> None:
    """Wait until the approval stands so; asking is all the waiting there is."""
    for _ in range(10_000):
        if await asyncio.to_thread(state, client, approval) == wanted:
            return
    raise AssertionError(f"{approval} never became {wanted}")
