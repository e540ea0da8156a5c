"""From a question that needs an account to an active account, for whichever surface asks."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from nexus.core.approval import Approval
from nexus.core.decision import Approve
from nexus.errors import ApprovalExpired, Conflict, Unavailable
from nexus.ports.connections import Connection, Connections
from nexus.runtime.runs import Runs
from nexus.runtime.service import Service

FIRST_PAUSE, LONGEST_PAUSE, GROWTH, IDLE_PAUSE = 1.0, 5.0, 1.3, 30.0
"""Seconds between two looks at accounts: the first pause, the longest, the factor, and while none waits."""

ENDED = {
    "off": "it is switched off at the service that keeps it",
    "failed": "the sign-in did not succeed",
    "expired": "it expired, or nobody signed in in time",
    "revoked": "the access was taken back",
}
"""Why an account is not active."""


def connections_of(service: Service) -> Connections:
    """What keeps the user's accounts. Raises Unavailable if nothing does."""
    if service.connections is None:
        raise Unavailable("No app can be connected here.", remedy="Set COMPOSIO_API_KEY first.")
    return service.connections


async def link_for(
    service: Service, approval: Approval, fields: Mapping[str, str] | None = None
) -> Connection:
    """The account that an approval asks for, with its link; asked again, the same one.

    The link is made when somebody wants it, never by the run: that may repeat its steps after a crash.

    Raises:
        Conflict: The approval asks for no account, or is decided.
        InvalidInput, NotFound, Unavailable: As `Connections.connect`.
    """
    if approval.toolkit is None or not approval.is_pending:
        what = "is decided already" if approval.toolkit else "asks for no account"
        raise Conflict(f"Approval {approval.id} {what}.", remedy="Look at it again.")
    return await connections_of(service).connect(service.parts.user, approval.toolkit, fields)


async def approve_when_active(
    service: Service, runs: Runs, approval: Approval, connection: Connection, *, actor: str, wait: float
) -> None:
    """Wait for the account, at most `wait` seconds; once it is active say yes, and the thread goes on.

    Raises Conflict if the approval stays pending all the same.
    """
    found = await connections_of(service).get(service.parts.user, connection.id, wait=wait)
    if found.state == "active":
        await _approve(service, runs, approval, actor)


def go_on_when_active(
    service: Service, runs: Runs, approval: Approval, connection: Connection, *, actor: str
) -> None:
    """Answer the approval once its account is active, beside the requests; give up with the link."""
    now = service.parts.clock.now()
    wait = (connection.link.expires_at - now).total_seconds() if connection.link else 0.0

    async def go_on() -> None:
        await approve_when_active(service, runs, approval, connection, actor=actor, wait=wait)

    runs.supervise(go_on, name=f"link {approval.id}")


async def _approve(service: Service, runs: Runs, approval: Approval, actor: str) -> None:
    """Answer with yes, unless somebody who said it before, or said no, was first.

    Raises:
        Conflict: Nobody was, and yes is not possible: e.g. the account is gone again.
    """
    with suppress(ApprovalExpired):
        try:
            await runs.decide(approval, Approve(), actor=actor, digest=approval.digest)
        except Conflict:
            if (await service.parts.approvals.get(approval.id)).is_pending:
                raise


class AccountsWatch:
    """The user's accounts at an app, for somebody who looks at them all the time.

    The service that keeps them is asked ever more rarely while one waits for the person, hardly ever while
    none does, and at once when something else, a webhook say, has told that one changed.
    """

    def __init__(self, service: Service, toolkit: str) -> None:
        self._service = service
        self._toolkit = toolkit
        self._known: str | None = None
        self._next, self._pause, self._state = 0.0, FIRST_PAUSE, ""

    async def state(self) -> str:
        """A text that is another one once an account changed. Raises Unavailable."""
        known = await self._service.toolkits.account_of(self._toolkit)
        if known != self._known or time.monotonic() >= self._next:
            found = await accounts_of(self._service, self._toolkit)
            is_waiting = any(each.state == "waiting" for each in found)
            self._known = await self._service.toolkits.account_of(self._toolkit)
            self._state = fingerprint(found)
            self._pause = min(self._pause * GROWTH, LONGEST_PAUSE) if is_waiting else IDLE_PAUSE
            self._next = time.monotonic() + self._pause
        return self._state


async def accounts_of(service: Service, toolkit: str) -> Sequence[Connection]:
    """The user's accounts at one app as they stand now, the newest first. Raises Unavailable.

    What the tools would act on is brought up to date with them.
    """
    connections, user = connections_of(service), service.parts.user
    found = [each for each in reversed(await connections.all(user)) if each.toolkit == toolkit]
    active = next((each.id for each in found if each.state == "active"), None)
    if active != await service.toolkits.account_of(toolkit):
        if active is not None:
            await connections.get(user, active)  # if somebody waited for it, it is told, and the app is on
        await service.parts.find_accounts()
        await service.parts.tools.freshen()
    return found


async def follow_link(service: Service, connection: Connection) -> None:
    """Look after an account until the person has signed in or the link is over: then it is told."""
    if connection.link is not None:
        left = (connection.link.expires_at - service.parts.clock.now()).total_seconds()
        await connections_of(service).get(service.parts.user, connection.id, wait=left)


def fingerprint(found: Sequence[Connection]) -> str:
    """A text that tells these accounts, as they stand, from any others."""
    facts = "\n".join(f"{each.id} {each.state} {each.link is not None}" for each in found)
    return hashlib.sha256(facts.encode()).hexdigest()[:16]


def in_words(connection: Connection) -> str:
    """How the account stands, in one sentence."""
    if connection.state == "active":
        return f"{connection.toolkit} is connected."
    if connection.state == "waiting":
        return f"{connection.toolkit} waits for you to sign in."
    reason = f" ({connection.reason})" if connection.reason else ""
    return f"{connection.toolkit} is not connected: {ENDED[connection.state]}{reason}."
