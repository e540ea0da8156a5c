"""Record a person's decision, whichever way it came in. The approval's row decides, not the resume value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from graphs.parts import Parts
from nexus.core.action import digest_of
from nexus.core.approval import Approval
from nexus.core.arguments import check_arguments
from nexus.core.decision import Decision, Edit
from nexus.core.origin import origins_after_edit
from nexus.core.policy import Deny
from nexus.errors import PolicyDenied


async def record_decision(
    parts: Parts, approval: Approval, decision: Decision, *, actor: str, digest: str | None = None
) -> Approval:
    """The approval after the decision; after an edit, the approval of the edited call.

    Raises:
        ArgumentsInvalid: The edited arguments do not fit the tool. Nothing was changed.
        PolicyDenied: A rule forbids the edited call. Nothing was changed.
        NotFound, Conflict, ApprovalExpired, DigestMismatch, DecisionInvalid: As the store says.
    """
    if not isinstance(decision, Edit):
        return await parts.approvals.decide(approval.id, decision, actor=actor, digest=digest)
    successor = edited(parts, approval, decision.arguments)
    await parts.approvals.decide(approval.id, decision, actor=actor, digest=digest, successor=successor)
    return await parts.approvals.get(successor.id)


def edited(parts: Parts, approval: Approval, arguments: Mapping[str, Any]) -> Approval:
    """The approved approval of the call with other arguments: a new call, a new digest, judged anew."""
    spec = parts.tools.get(approval.call.tool)
    check_arguments(spec, arguments)
    verdict = parts.policy.judge(spec)
    if isinstance(verdict, Deny):
        raise PolicyDenied(f"The edited call cannot run: {verdict.reason}.")
    call = approval.call.edited(arguments)
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
