"""A world whose tools are those of an app at Composio."""

from __future__ import annotations

from nexus.tools.composio import ComposioProject, ComposioProvider
from nexus.tools.registry import Registry
from tests.world import MakeWorld, Plan, World

SEND, FETCH = "GMAIL_SEND_EMAIL", "GMAIL_FETCH_EMAILS"


async def world_of(make_world: MakeWorld, project: ComposioProject, plan: Plan) -> World:
    """A world whose tools are gmail's."""

    async def wanted() -> frozenset[str]:
        return frozenset({"gmail"})

    provider = ComposioProvider(project, user_id="owner", wanted=wanted)
    await project.catch_up("owner", await wanted())
    registry = Registry([provider])
    await registry.refresh()
    world = await make_world(plan=plan)
    world.tools = registry  # type: ignore[assignment]  # the world only asks it for its list
    world.wire(tool_timeout=1.5)
    return world
