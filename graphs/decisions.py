"""Record a person's decision, whichever way it came in. The approval's row decides, not the resume value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from graphs.accounts import check_connected
from graphs.judging import policy_of
from graphs.parts import Parts
from graphs.versions import is_as_asked
from nexus.core.action import digest_of
from nexus.core.approval import Approval, decide
from nexus.core.arguments import check_arguments
from nexus.core.decision import Approve, Decision, Edit
from nexus.core.origin import origins_after_edit
from nexus.core.policy import Ask, Deny, Policy
from nexus.errors import DigestMismatch, PolicyDenied
from nexus.ports.approvals import Alongside


async def record_decision(
    parts: Parts,
    approval: Approval,
    decision: Decision,
    *,
    actor: str,
    digest: str | None = None,
    alongside: Alongside | None = None,
) -> Approval:
    """The approval after the decision; after an edit, the approval of the edited call.

    What stands `alongside` is written in the decision's own transaction.

    Raises:
        ArgumentsInvalid: The edited arguments do not fit the tool. Nothing was changed.
        DigestMismatch: The tool, or its account, is another than was asked about. Nothing was changed.
        PolicyDenied: A rule forbids the edited call. Nothing was changed.
        Conflict: The account that it needs is not connected. Nothing was changed.
        NotFound, Conflict, ApprovalExpired, DigestMismatch, DecisionInvalid: As the store says.
    """
    if approval.is_pending and approval.question == "connect" and isinstance(decision, Approve):
        await check_connected(parts, approval.call.tool)
    if not isinstance(decision, Edit):
        return await parts.approvals.decide(
            approval.id, decision, actor=actor, digest=digest, alongside=alongside
        )
    successor = edited(parts, await policy_of(parts), approval, decision.arguments)
    await parts.approvals.decide(
        approval.id, decision, actor=actor, digest=digest, successor=successor, alongside=alongside
    )
    return await parts.approvals.get(successor.id)


async def check_decision(
    parts: Parts, approval: Approval, decision: Decision, *, actor: str, digest: str | None = None
) -> None:
    """Make sure that `record_decision` would record it at this moment. Raises as that; changes nothing."""
    decide(approval, decision, actor=actor, now=parts.clock.now(), digest=digest, user=parts.user)
    if approval.question == "connect" and isinstance(decision, Approve):
        await check_connected(parts, approval.call.tool)
    if isinstance(decision, Edit):
        edited(parts, await policy_of(parts), approval, decision.arguments)


def edited(parts: Parts, policy: Policy, approval: Approval, arguments: Mapping[str, Any]) -> Approval:
    """The approved approval of the call with other arguments: a new call, a new digest, judged anew.

    Only the arguments may be others: who edits has seen the tool and the account that were asked about.
    """
    spec = parts.tools.get(approval.call.tool)
    if not is_as_asked(approval.call, spec, approval):
        raise DigestMismatch(
            f"{spec.slug} has another version or account than approval {approval.id} asks about.",
            remedy="Reject it, with what should be changed as the reason: then you are asked anew.",
        )
    check_arguments(spec, arguments)
    call = approval.call.edited(arguments)
    verdict = policy.judge(spec, call)
    if isinstance(verdict, Deny):
        raise PolicyDenied(f"The edited call cannot run: {verdict.reason}.")
    if isinstance(verdict, Ask) and _is_for_others(verdict, approval):
        raise PolicyDenied(
            f"Others decide on the edited call: {verdict.reason}.",
            remedy="Reject this one, with what should be changed as the reason: then they are asked.",
        )
    digest = digest_of(
        call,
        spec,
        thread=approval.thread,
        policy_version=approval.policy_version,
        expires_at=approval.expires_at,
    )
    return replace(
        approval,
        id=call.approval_id,
        call=call,
        digest=digest,
        origins=origins_after_edit(approval.call.arguments, approval.origins, call.arguments),
        state="approved",
    )


def _is_for_others(verdict: Ask, approval: Approval) -> bool:
    """True if who decides on this approval could not decide on a call with that verdict."""
    return bool(verdict.approvers) and (
        set(verdict.approvers) != set(approval.approvers) or verdict.approvals > approval.approvals
    )
