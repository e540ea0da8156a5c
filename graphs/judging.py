"""What policy says to a call as it stands in its thread."""

from __future__ import annotations

from langchain_core.messages import ToolMessage

from graphs.parts import Parts
from graphs.state import State
from nexus.core.action import Call, ThreadId
from nexus.core.policy import Judgement, Policy, Verdict
from nexus.core.tool import ToolSpec
from nexus.errors import NotFound


async def policy_of(parts: Parts) -> Policy:
    """The rules in force for the user. Raises StoreUnavailable."""
    if parts.policies is None:
        return parts.policy
    return parts.policy.with_own((await parts.policies.get()).rules)


async def judged(parts: Parts, state: State, call: Call, spec: ToolSpec, *, thread: ThreadId) -> Verdict:
    """The verdict on a call in a thread. Raises StoreUnavailable."""
    is_trusted = await is_trusted_thread(parts, state, thread, call=call)
    return (await policy_of(parts)).judge(spec, call, is_trusted=is_trusted)


async def explained(parts: Parts, call: Call, spec: ToolSpec, *, is_trusted: bool = True) -> Judgement:
    """As `judged`, outside of any thread, and rule by rule. Raises StoreUnavailable."""
    return (await policy_of(parts)).explain(spec, call, is_trusted=is_trusted)


async def is_trusted_thread(
    parts: Parts, state: State, thread: ThreadId, *, call: Call | None = None
) -> bool:
    """False once the thread has read what others wrote, by any call but this one.

    The ledger knows it of the calls of this thread, whatever became of its state; the messages know it of a
    thread that was copied from another.
    """
    if any(
        _is_foreign(parts, message)
        for message in state.get("messages", [])
        if isinstance(message, ToolMessage)
    ):
        return False
    return not await parts.ledger.has_read_others(thread, besides=call.key if call else "")


def _is_foreign(parts: Parts, message: ToolMessage) -> bool:
    """True for what a tool returned that does not only return the user's own words."""
    if not message.artifact:
        return False  # said by Nexus itself: not allowed, rejected, answered by the person
    try:
        return not parts.tools.get(message.name or "").returns_own
    except NotFound:
        return True
