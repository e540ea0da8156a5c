"""Writing memories down: what is said again is merged, what contradicts replaces, what is unsure waits."""

from __future__ import annotations

import asyncio
import math
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from nexus.core.action import ThreadId
from nexus.core.memory import (
    CONFIDENCE,
    Author,
    Kind,
    Memory,
    MemoryId,
    checked_text,
    content_words,
    contradicts,
    could_be_same,
    from_json,
    is_persons_own,
    merged,
    replaced,
    same_words,
    subject_of,
)
from nexus.errors import InvalidInput
from nexus.ports.clock import Clock
from nexus.ports.memory import EVERY, Found, MemoryStore, Which

ALIKE = 0.9
"""The cosine from which on two texts without a telling difference count as one memory said in other words."""

_NEAREST = 5
_PIECE = 500
"""Memories of an import that are kept at once."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")

_POOL = 50
"""Memories close in meaning of which those that share words with the request come first."""

WORDS_COUNT = 0.2
"""What sharing every telling word is worth beside a cosine."""


def with_words(text: str, near: Sequence[Found]) -> list[Found]:
    """The found ones by meaning and shared words; a word counts the more the fewer of them have it."""
    asked = content_words(text)
    having = [content_words(each.memory.text) for each in near]
    weights = {word: math.log(1 + len(near) / (1 + sum(word in words for words in having))) for word in asked}
    whole = sum(weights.values()) or 1.0
    scored = [
        Found(each.memory, each.score + WORDS_COUNT * sum(weights[word] for word in asked & words) / whole)
        for each, words in zip(near, having, strict=True)
    ]
    return sorted(scored, key=lambda each: -each.score)


class Memories:
    """One user's memories: everything that writes them goes through here."""

    def __init__(self, store: MemoryStore, clock: Clock) -> None:
        self.store = store
        self._clock = clock
        self._lock = asyncio.Lock()
        self._are_some = False

    async def remember(
        self,
        text: str,
        *,
        kind: Kind = "fact",
        author: Author = "person",
        subject: str | None = None,
        thread: ThreadId | None = None,
        apps: frozenset[str] = frozenset(),
        tool: str | None = None,
        is_pending: bool = False,
        expires_at: datetime | None = None,
    ) -> Memory:
        """The memory as it is kept: a new one, or the one that said the same or something else before.

        `subject` is told from the text if it is None. What `is_pending` changes nothing that is kept, until
        a person accepts it.

        Raises:
            InvalidInput: The text is empty or too long.
            StoreUnavailable, ModelMissing: As the store says.
        """
        line, now = checked_text(text), self._clock.now()
        new = Memory(
            id=MemoryId(f"m{secrets.token_hex(8)}"),
            kind=kind,
            text=line,
            author=author,
            created_at=now,
            updated_at=now,
            subject=subject_of(line, kind) if subject is None else subject,
            thread=thread,
            confidence=CONFIDENCE[author],
            apps=apps,
            tool=tool,
            is_pending=is_pending,
            expires_at=expires_at,
        )
        async with self._lock:
            return await self._keep(new)

    async def accept(self, memory: MemoryId) -> Memory:
        """The person's yes to a pending memory: it counts from now on, and replaces what it contradicts.

        Raises:
            NotFound: There is none.
        """
        async with self._lock:
            pending = await self.store.get(memory)
            if not pending.is_pending:
                return pending
            now = self._clock.now()
            accepted = replace(pending, is_pending=False, confidence=1.0, updated_at=now)
            kept = await self._keep(accepted, is_accepted=True)
            if kept.id != pending.id:
                await self.store.delete([pending.id])
            return kept

    async def edit(self, memory: MemoryId, text: str, *, kind: Kind | None = None) -> Memory:
        """The memory with the person's text; what it said before goes into its history.

        A pending one is accepted by that.

        Raises:
            NotFound, InvalidInput: There is none; the text is empty or too long.
        """
        line = checked_text(text)
        async with self._lock:
            old = await self.store.get(memory)
            kind = kind or old.kind
            new = replace(
                old,
                kind=kind,
                text=line,
                subject=subject_of(line, kind) or old.subject,
                author="person",
                confidence=1.0,
                is_pending=False,
                updated_at=self._clock.now(),
            )
            edited = replaced(old, new)
            await self.store.put([edited])
            return edited

    async def restore(self, memories: Sequence[Memory], told: Callable[[int], None] | None = None) -> int:
        """Keep exported memories as they are, and tell how many are kept so far; how many there were."""
        for start in range(0, len(memories), _PIECE):
            piece = memories[start : start + _PIECE]
            async with self._lock:
                await self.store.put(piece)
            if told is not None:
                told(start + len(piece))
        return len(memories)

    async def forget(self, memories: Sequence[MemoryId]) -> int:
        """Delete them for good; how many there were."""
        async with self._lock:
            self._are_some = False
            return await self.store.delete(memories)

    async def recall(self, text: str, *, which: Which = EVERY, limit: int = 10) -> list[Found]:
        """What is closest to `text` by meaning and by words, the closest first; nothing that is pending.

        Nothing is embedded while there is nothing to find.

        Raises:
            StoreUnavailable, ModelMissing: As the store says.
        """
        kept = replace(which, is_pending=False)
        if not text.strip() or not await self.are_any():
            return []
        return await self.find(text, which=kept, limit=limit)

    async def find(self, text: str, *, which: Which = EVERY, limit: int = 10) -> list[Found]:
        """The same, for a person who searches: also what is pending."""
        near = await self.store.search(text, which=which, limit=max(_POOL, limit))
        return with_words(text, near)[:limit]

    async def are_any(self) -> bool:
        """True if something is kept that is not pending; a store may have to read all it has to tell."""
        if not self._are_some:
            self._are_some = bool(await self.store.list(Which(is_pending=False), limit=1))
        return self._are_some

    async def _keep(self, new: Memory, *, is_accepted: bool = False) -> Memory:
        """As it is kept. What a person said stays, unless `new` contradicts it or they accepted `new`."""
        old = await self._known(new)
        if old is None:
            kept = new
        elif same_words(old.text, new.text) or (
            is_persons_own(old, new) and not is_accepted and not contradicts(new, old)
        ):
            kept = merged(old, new)
        else:
            kept = replaced(old, new)
        if kept != old:
            await self.store.put([kept])
        return kept

    async def _known(self, new: Memory) -> Memory | None:
        """What `new` says again, or takes the place of.

        What is pending takes no place: not of what is kept, and not of what is pending too, since the yes to
        that would be a yes to this.
        """
        kind: frozenset[Kind] = frozenset({new.kind})
        # What is kept already need not be asked about again.
        states = (True, False) if new.is_pending else (False,)
        for is_pending in states:
            which = Which(kinds=kind, is_pending=is_pending, tool=new.tool)
            near = await self.store.search(new.text, which=which, limit=_NEAREST)
            for found in near:
                if same_words(found.memory.text, new.text):
                    return found.memory
            if new.is_pending:
                continue
            if new.subject:
                about = await self.store.list(replace(which, subject=new.subject), limit=1)
                if about and contradicts(new, about[0]):
                    return about[0]
            for found in near:
                if found.score >= ALIKE and could_be_same(found.memory.text, new.text):
                    return found.memory
        return None


def parsed(values: Sequence[Any]) -> list[Memory]:
    """The memories that an export wrote. Raises InvalidInput: names the place of one that is none."""
    found: list[Memory] = []
    for number, each in enumerate(values, start=1):
        try:
            memory = from_json(each)
        except (InvalidInput, AttributeError) as error:
            raise InvalidInput(f"no. {number} cannot be used ({error})", field="memories") from error
        if not _ID.fullmatch(memory.id):
            raise InvalidInput(f"no. {number} has an id that no export writes", field="memories")
        found.append(memory)
    return found
