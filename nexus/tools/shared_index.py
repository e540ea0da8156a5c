"""One index over the tools of all users, and each user's own view of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nexus.core.tool import ToolSpec
from nexus.ports.index import ANYONE, Hit, Scope, ToolIndex

_WIDER = 4  # how many times as many tools are looked at when too few of those found are the user's


class SharedIndex:
    """Makes the tools of every user findable, each tool once, however many users have it."""

    def __init__(self, index: ToolIndex) -> None:
        self._index = index
        self._tools: dict[str, Mapping[str, ToolSpec]] = {}

    def of(self, user: str) -> ToolIndex:
        """The index as this user sees it."""
        return _OwnTools(self, user)

    async def offer(self, user: str, tools: Sequence[ToolSpec]) -> None:
        """Make exactly these tools findable for the user; what others find stays as it is."""
        self._tools[user] = {tool.slug: tool for tool in tools}
        # Of two users' tools of one name the text of the first is searched: it changes least often.
        every = {slug: tool for own in reversed(self._tools.values()) for slug, tool in own.items()}
        await self._index.update(list(every.values()))

    async def ready(self) -> None:
        """Wait until search is as good as it will be, for all users."""
        await self._index.ready()

    async def search(self, user: str, query: str, *, limit: int, scope: Scope) -> Sequence[Hit]:
        """The best `limit` of the user's tools: the search is widened until there are enough of them."""
        own, among = self._tools.get(user, {}), limit
        enough = min(limit, len(own))
        while enough > 0:
            hits = await self._index.search(query, limit=among, scope=scope)
            found = [hit for hit in hits if hit.slug in own][:limit]
            if len(found) >= enough or len(hits) < among:
                return _best_is_one(found)
            among *= _WIDER
        return ()


class _OwnTools:
    """Implements `nexus.ports.index.ToolIndex` over one user's tools."""

    def __init__(self, shared: SharedIndex, user: str) -> None:
        self._shared = shared
        self._user = user

    async def update(self, tools: Sequence[ToolSpec]) -> None:
        """Make exactly these tools findable for the user."""
        await self._shared.offer(self._user, tools)

    async def search(self, query: str, *, limit: int = 15, scope: Scope = ANYONE) -> Sequence[Hit]:
        """The best `limit` of the user's tools."""
        return await self._shared.search(self._user, query, limit=limit, scope=scope)

    async def ready(self) -> None:
        """Wait until search is as good as it will be."""
        await self._shared.ready()


def _best_is_one(hits: Sequence[Hit]) -> Sequence[Hit]:
    """The hits with scores in 0…1 again: the best of all tools may have been another user's."""
    top = max((hit.score for hit in hits), default=0.0) or 1.0
    return [Hit(hit.slug, hit.score / top) for hit in hits]
