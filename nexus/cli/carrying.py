"""A decision from the command line: written down, then carried out."""

from __future__ import annotations

from nexus.cli.conversation import converse, decider_for
from nexus.cli.deciding import decide
from nexus.cli.exits import DONE, REFUSED
from nexus.cli.question import as_json
from nexus.cli.session import Session
from nexus.cli.watcher import JsonLines
from nexus.cli.words import call_in_words
from nexus.core.approval import DECIDED, Approval
from nexus.core.decision import Decision
from nexus.errors import Conflict
from nexus.runtime.service import Service


async def write_decision(
    service: Service, session: Session, approval: Approval, decision: Decision
) -> Approval:
    """Record the decision; the approval after it.

    The same decision once more is taken as a wish to go on, if the thread was cut off before it acted.

    Raises:
        Conflict: It is decided already, and its thread is not left unfinished.
    """
    if approval.is_pending or not await _waits_to_go_on(service, approval, decision):
        approval = await decide(service, approval, decision)
    _tell(session, approval)
    return approval


async def carry_decision(service: Service, session: Session, approval: Approval) -> int:
    """Go on with the approval's thread; the exit code.

    A thread that ends because of the rejection that was just asked for has done what it should.
    """
    session.open(approval.thread)
    decider = decider_for(service, session)
    code = await converse(service, session, service.runner.resume(approval.thread), decider)
    return DONE if code == REFUSED and approval.state == "rejected" else code


async def _waits_to_go_on(service: Service, approval: Approval, decision: Decision) -> bool:
    if approval.state != DECIDED[decision.kind] or decision.kind == "edit":
        return False
    if decision.comment and decision.comment != approval.comment:
        return False  # it would be lost without a word: the first decision is the one that is kept
    view = await service.runner.view(approval.thread)
    if view.status == "running":
        raise Conflict(
            f"Approval {approval.id} is {approval.state} already, and its thread is running.",
            remedy=f"Look at it with: nexus threads show {approval.thread}",
        )
    return view.status == "unfinished"


def _tell(session: Session, approval: Approval) -> None:
    call = call_in_words(approval.call.tool, approval.call.arguments)
    session.watcher.note(
        f"{approval.state}: {call}", tone="good" if approval.state == "approved" else "plain"
    )
    if isinstance(session.watcher, JsonLines):
        session.watcher.event({"event": "decision", **as_json(approval)})
