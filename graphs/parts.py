"""What the nodes are made of: the ports they use, handed in by the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from graphs.memories import Memories
from nexus.core.approval import Reminding
from nexus.core.budget import Budget
from nexus.core.policy import Policy
from nexus.ports.approvals import Approvals
from nexus.ports.audit import AuditLog
from nexus.ports.clock import Clock
from nexus.ports.experience import Experience
from nexus.ports.index import ToolIndex
from nexus.ports.ledger import Ledger
from nexus.ports.model import ChatModel
from nexus.ports.policies import Policies
from nexus.ports.results import Results
from nexus.ports.tools import Tools


async def nobody_has_accounts() -> None:
    """For tools that act on no account."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a run needs.

    Attributes:
        shortlist: How many tools the model chooses from (15: more costs a small model what recall gains).
        approval_ttl: How long a person has to decide; after it the answer is no.
        reminding: How people are reminded of what waits; None: they are not.
        tool_timeout: Seconds after which the outcome of a call counts as unknown.
        observation_limit: Characters of a tool's result that the model is shown.
        experience: What approved calls have done for the user; None: nothing is remembered.
        memories: What the user told or showed before; None: nothing is remembered, nothing recalled.
        memory_timeout: Seconds that each thing a step asks of them may take; then it goes on without.
        results: Keeps whole what the model is shown in part; None: what is cut off is gone.
        audit: Where it is written what was forbidden; the stores write the rest themselves. None: nowhere.
        policies: The rules that the user made beside the operator's `policy`; None: they cannot make any.
        user: Whom the runs are for.
        find_accounts: Asks anew which accounts the user has connected; `tools` know them once freshened.
            Raises Unavailable.
    """

    model: ChatModel
    tools: Tools
    index: ToolIndex
    approvals: Approvals
    ledger: Ledger
    clock: Clock
    policy: Policy = field(default_factory=Policy)
    budget: Budget = field(default_factory=Budget)
    shortlist: int = 15
    approval_ttl: timedelta = timedelta(hours=24)
    reminding: Reminding | None = None
    tool_timeout: float = 60.0
    observation_limit: int = 4_000
    experience: Experience | None = None
    memories: Memories | None = None
    memory_timeout: float = 10.0
    results: Results | None = None
    audit: AuditLog | None = None
    policies: Policies | None = None
    user: str = "owner"
    find_accounts: Callable[[], Awaitable[object]] = nobody_has_accounts
