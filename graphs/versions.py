"""The version of a tool that a person approved, when the tool has another one by now."""

from __future__ import annotations

from graphs.parts import Parts
from nexus.core.action import Call, digest_of
from nexus.core.approval import Approval
from nexus.core.tool import ToolSpec


async def as_approved(parts: Parts, call: Call, spec: ToolSpec, approval: Approval) -> ToolSpec:
    """The version whose digest was approved, if it can still be called; else the present `spec`.

    So a call runs as it was shown, whatever became of the tool meanwhile. Where that version is gone, the
    digest of the present one is not the approved one, and the ledger refuses the call.
    """
    if is_as_asked(call, spec, approval):
        return spec
    for earlier in await parts.tools.earlier(call.tool):
        if is_as_asked(call, earlier, approval):
            return earlier
    return spec


def is_as_asked(call: Call, spec: ToolSpec, approval: Approval) -> bool:
    """True if a call of that version, on its account, is what the approval asks about."""
    digest = digest_of(
        call,
        spec,
        thread=approval.thread,
        policy_version=approval.policy_version,
        expires_at=approval.expires_at,
    )
    return digest == approval.digest
