"""A running Nexus, as the command line and the API see it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from graphs.memories import Memories
from graphs.parts import Parts
from nexus.errors import NotFound
from nexus.ports.assistants import AssistantStore
from nexus.ports.attachments import Attachments
from nexus.ports.chats import ChatLog
from nexus.ports.connections import Connections
from nexus.ports.outcomes import Outcomes
from nexus.ports.results import ResultStore
from nexus.ports.reviews import Reviews
from nexus.ports.runs import Process, RunStore
from nexus.ports.threads import Threads
from nexus.ports.webhooks import Webhooks
from nexus.runtime.graphs import Graphs
from nexus.runtime.runner import Runner
from nexus.runtime.toolkits import Toolkits
from nexus.settings import Settings
from nexus.tools.composio.project import ComposioProject
from nexus.tools.mcp import McpProvider


async def _nothing_changes() -> None:
    """For tools that are always the same."""


@dataclass(frozen=True, slots=True)
class Service:
    """Everything a surface may use for one user.

    Attributes:
        graphs: The graphs that can be run.
        runs: The runs that a server was asked for.
        assistants: The assistants that the user made.
        chats: Where the chats of OpenAI's clients stand.
        process: This process, as it drives runs.
        outcomes: The user's calls of which nobody knows whether they acted.
        parts: The ports: tools, index, approvals, model; and whom they are for.
        toolkits: The apps the user can have.
        composio: What all users share of Composio; None if it is off.
        connections: The accounts at outside apps; None if none can be connected.
        webhooks: Lets in what outside services send by themselves; None if nothing is to be let in.
        results: Whole results that the model was shown in part; None: they are not kept.
        reviews: What of other users' approvals the user decides on; None: nobody decides for others.
        servers: The MCP servers that the user may use; None: there can be none.
        attachments: Keeps the files that a person hands over; None: none are taken.
        refresh: Asks every provider of the user again what it offers, and makes that findable.
    """

    settings: Settings
    runner: Runner
    threads: Threads
    parts: Parts
    toolkits: Toolkits
    graphs: Graphs
    runs: RunStore
    assistants: AssistantStore
    chats: ChatLog
    process: Process
    outcomes: Outcomes
    composio: ComposioProject | None = None
    results: ResultStore | None = None
    reviews: Reviews | None = None
    connections: Connections | None = None
    webhooks: Webhooks | None = None
    attachments: Attachments | None = None
    servers: McpProvider | None = None
    refresh: Callable[[], Awaitable[None]] = _nothing_changes

    @property
    def memories(self) -> Memories:
        """What is remembered for the user. Raises NotFound: memory is off."""
        if self.parts.memories is None:
            raise NotFound("Nothing is remembered here.", remedy="NEXUS_MEMORY=sqlite switches memory on.")
        return self.parts.memories
