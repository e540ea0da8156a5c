"""Assistants: one for every graph, made by the system, and those that users made."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from nexus.errors import Conflict, NotFound, Refused
from nexus.ports.assistants import Assistant, AssistantStore
from nexus.ports.runs import system_assistant
from nexus.runtime.graphs import Graphs
from nexus.runtime.requests import check_config

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)  # the system's own were always there


class Assistants:
    """One user's assistants; the name of a graph is as good as the id of its assistant."""

    def __init__(self, graphs: Graphs, store: AssistantStore) -> None:
        self._graphs = graphs
        self._store = store

    async def get(self, assistant_id: str) -> Assistant:
        """The assistant. Raises NotFound."""
        for own in self._system():
            if assistant_id in {own.id, own.graph}:
                return own
        return await self._store.get(assistant_id)

    async def all(self) -> Sequence[Assistant]:
        """The latest version of each: the user's own, the newest first, then the system's."""
        return [*await self._store.all(), *self._system()]

    async def create(
        self,
        assistant_id: str | None,
        graph: str,
        facts: Mapping[str, Any],
        *,
        or_existing: bool = False,
    ) -> Assistant:
        """A new one. Raises NotFound (no such graph), Conflict (the id is taken), and InvalidInput."""
        self._graphs.get(graph)
        check_config(facts.get("config") or {})
        made = _assistant(assistant_id or str(uuid.uuid4()), graph, facts)
        with suppress(NotFound):
            known = await self.get(made.id)
            if or_existing:
                return known
            raise Conflict(f"There is already an assistant {made.id!r}.")
        return await self._store.create(made)

    async def change(self, assistant_id: str, changes: Mapping[str, Any]) -> Assistant:
        """A new version of it. Raises NotFound, InvalidInput, and Refused for the system's own."""
        if "graph" in changes:
            self._graphs.get(changes["graph"])
        check_config(changes.get("config") or {})
        await self._check_own(assistant_id)
        return await self._store.change(assistant_id, changes)

    async def versions(self, assistant_id: str) -> Sequence[Assistant]:
        """Every version, the newest first. Raises NotFound."""
        found = await self.get(assistant_id)
        return [found] if found in self._system() else await self._store.versions(found.id)

    async def choose(self, assistant_id: str, version: int) -> Assistant:
        """Make that version the latest. Raises NotFound."""
        found = await self.get(assistant_id)
        if found not in self._system():
            return await self._store.choose(found.id, version)
        if version != found.version:
            raise NotFound(f"Assistant {assistant_id!r} has no version {version}.")
        return found

    async def delete(self, assistant_id: str) -> None:
        """Forget it. Raises NotFound, and Refused for the system's own."""
        await self._check_own(assistant_id)
        await self._store.delete(assistant_id)

    async def _check_own(self, assistant_id: str) -> None:
        if await self.get(assistant_id) in self._system():
            raise Refused("It belongs to the server's configuration.", remedy="Make one of your own from it.")

    def _system(self) -> list[Assistant]:
        return [
            _assistant(system_assistant(name), name, {"metadata": {"created_by": "system"}})
            for name in self._graphs.names
        ]


def _assistant(assistant_id: str, graph: str, facts: Mapping[str, Any]) -> Assistant:
    return Assistant(
        id=assistant_id,
        graph=graph,
        name=facts.get("name") or graph,
        description=facts.get("description"),
        config=facts.get("config") or {},
        context=facts.get("context") or {},
        metadata=facts.get("metadata") or {},
        version=1,
        created_at=_EPOCH,
        updated_at=_EPOCH,
    )
