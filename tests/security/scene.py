"""A question that waits, for those who try to get around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from tests.api.serving import Office, settled
from tests.api.test_decision_links import Visitor
from tests.api.test_signed_decisions import Program
from tests.api.test_slack import Member


@dataclass
class Scene:
    """A question that waits, and everything by which a client could try to get around it."""

    client: httpx.Client
    office: Office
    thread: str
    approval: dict[str, Any]
    past: list[dict[str, Any]]
    program: Program
    visitor: Visitor
    member: Member

    def check(self) -> None:
        """Nothing was done, and the question is still one."""
        settled(self.client, self.thread)
        assert self.office.tools.made == []
        assert self.client.get(f"/approvals/{self.approval['id']}").json() == self.approval

    def post(self, path: str, body: Any, **more: Any) -> httpx.Response:
        """Send a body to a route of the thread or of the approval."""
        filled = path.format(thread_id=self.thread, approval_id=self.approval["id"])
        return self.client.post(filled, json=body, **more)


Attempt = Callable[[Scene], httpx.Response]
