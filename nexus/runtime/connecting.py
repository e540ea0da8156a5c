"""From a question that needs an account to an active account, for whichever surface asks."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from nexus.core.approval import Approval
from nexus.core.decision import Approve
from nexus.errors import ApprovalExpired, Conflict, Unavailable
from nexus.ports.connections import Connection, Connections
from nexus.runtime.runs import Runs
from nexus.runtime.service import Service

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


def in_words(connection: Connection) -> str:
    """How the account stands, in one sentence."""
    if connection.state == "active":
        return f"{connection.toolkit} is connected."
    if connection.state == "waiting":
        return f"{connection.toolkit} waits for you to sign in."
    reason = f" ({connection.reason})" if connection.reason else ""
    return f"{connection.toolkit} is not connected: {ENDED[connection.state]}{reason}."
