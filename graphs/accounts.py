"""Whether a tool has an account to act on, asked anew."""

from __future__ import annotations

from graphs.parts import Parts
from nexus.core.tool import ToolSpec
from nexus.errors import Conflict


async def looked_up_again(parts: Parts, slug: str) -> ToolSpec:
    """The tool, with the account that is connected now. Raises NotFound, Unavailable."""
    await parts.find_accounts()
    await parts.tools.freshen()
    return parts.tools.get(slug)


async def check_connected(parts: Parts, slug: str) -> None:
    """Make sure that the tool has an account to act on. Raises Conflict, NotFound, Unavailable."""
    spec = await looked_up_again(parts, slug)
    if not spec.can_act:
        raise Conflict(missing(spec.toolkit), remedy="Sign in with its link first; nothing is decided yet.")


def missing(toolkit: str) -> str:
    """What is missing, in one sentence."""
    return f"No active {toolkit} account of yours is connected."
