"""Fakes for your own tests, and for ours: a scripted model, recording tools, memories, a clock to turn."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

import numpy as np
from jsonschema import Draft202012Validator

from nexus.core.memory import Memory, MemoryId
from nexus.core.tool import JsonSchema, ToolSpec
from nexus.core.words import words_of
from nexus.errors import NotFound, OutputInvalid
from nexus.ports.clock import Clock
from nexus.ports.embeddings import Embedder, Matrix
from nexus.ports.index import ANYONE, Hit, Scope
from nexus.ports.memory import EVERY, Found, Which
from nexus.ports.model import ChatMessage, Completion
from nexus.ports.tools import ToolResult


@dataclass
class FakeClock:
    """A clock that stands still until you turn it."""

    time: datetime = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        """The time it shows."""
        return self.time

    def advance(self, delta: timedelta) -> None:
        """Turn it, forwards or backwards."""
        self.time += delta


@dataclass
class ScriptedModel:
    """A `ChatModel` that says what it was told to, in order; each line must fit the schema it is asked for.

    `calls(("send", {...}), ..., answer="Done.")` writes the script of a whole run. An exception in the
    script is raised in its place. `yes` is its answer to every yes-or-no question.
    """

    script: list[dict[str, Any] | BaseException] = field(default_factory=list[Any])
    prompts: list[Sequence[ChatMessage]] = field(default_factory=list[Any])
    yes: float | None = None
    name: str = "scripted"
    context_tokens: int = 8192

    def calls(self, *steps: tuple[str, Mapping[str, Any]], answer: str | None = None) -> ScriptedModel:
        """Add these calls, and the final answer, to the script."""
        for tool, arguments in steps:
            self.script += [{"tool": tool}, dict(arguments)]
        if answer is not None:
            self.script += [{"tool": "final_answer"}, {"answer": answer}]
        return self

    async def complete(
        self,
        messages: Sequence[ChatMessage],
        *,
        schema: JsonSchema | None = None,
        max_tokens: int = 512,  # noqa: ARG002 - the port's
        on_text: Callable[[str], None] | None = None,
    ) -> Completion:
        """The next line of the script."""
        self.prompts.append(list(messages))
        if not self.script:
            raise OutputInvalid("The script of this model is at its end.")
        line = self.script.pop(0)
        if isinstance(line, BaseException):
            raise line
        if schema is not None and (error := next(Draft202012Validator(schema).iter_errors(line), None)):
            raise OutputInvalid(f"The script does not fit: {error.message}")
        text = json.dumps(line)
        if on_text is not None:
            on_text(text)
        return Completion(text, prompt_tokens=10, cached_tokens=0, completion_tokens=5, seconds=0.0)

    async def probability_of_yes(self, messages: Sequence[ChatMessage]) -> float | None:
        """What `yes` says."""
        self.prompts.append(list(messages))
        return self.yes

    async def close(self) -> None:
        """Nothing to free."""


@dataclass
class RecordingTools:
    """A `ToolProvider` that writes down every call; `behaviour` may answer, or raise, instead."""

    specs: Sequence[ToolSpec]
    name: str = "recording"
    behaviour: Callable[[ToolSpec, Mapping[str, Any]], str] | None = None
    made: list[tuple[str, dict[str, Any], str]] = field(default_factory=list[Any])

    async def tools(self) -> Sequence[ToolSpec]:
        """The tools it was made with."""
        return self.specs

    async def call(self, spec: ToolSpec, arguments: Mapping[str, Any], *, key: str) -> ToolResult:
        """Write the call down, then answer."""
        self.made.append((spec.slug, dict(arguments), key))
        return ToolResult(self.behaviour(spec, arguments) if self.behaviour else "ok", reference=key)


@dataclass
class FixedIndex:
    """A `ToolIndex` that finds every tool it was given, in their order, whatever is asked."""

    slugs: list[str] = field(default_factory=list[str])
    queries: list[str] = field(default_factory=list[str])
    scopes: list[Scope] = field(default_factory=list[Scope])

    async def update(self, tools: Sequence[ToolSpec]) -> None:
        """Know these tools from now on."""
        self.slugs = [tool.slug for tool in tools]

    async def search(self, query: str, *, limit: int = 15, scope: Scope = ANYONE) -> Sequence[Hit]:
        """The first `limit` tools."""
        self.queries.append(query)
        self.scopes.append(scope)
        return [Hit(slug, 1.0) for slug in self.slugs[:limit]]

    async def ready(self) -> None:
        """Nothing is built behind it."""


@dataclass
class WordEmbedder:
    """An `Embedder` by words: texts are as close as they share words, whatever those mean."""

    name: str = "words"
    dimensions: int = 256
    texts: list[str] = field(default_factory=list[str])

    async def embed(self, texts: Sequence[str]) -> Matrix:
        """One row a text, with a place for each word."""
        self.texts += texts
        rows = np.zeros((len(texts), self.dimensions), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in words_of(text) or [text]:
                row[crc32(word.encode()) % self.dimensions] += 1
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-12))


@dataclass
class KeptMemories:
    """A `MemoryStore` that keeps one user's memories for as long as it lives."""

    clock: Clock = field(default_factory=FakeClock)
    embedder: Embedder = field(default_factory=WordEmbedder)
    kept: dict[MemoryId, Memory] = field(default_factory=dict[MemoryId, Memory])
    vectors: dict[MemoryId, tuple[str, Matrix]] = field(default_factory=dict[MemoryId, tuple[str, Matrix]])

    async def put(self, memories: Sequence[Memory]) -> None:
        """Keep them, and drop what has expired."""
        rows = await self.embedder.embed([memory.text for memory in memories])
        pairs = zip(memories, rows, strict=True)
        self.vectors |= {memory.id: (self.embedder.name, row) for memory, row in pairs}
        self.kept |= {memory.id: memory for memory in memories}
        for memory in [each for each in self.kept.values() if each.is_expired(self.clock.now())]:
            await self.delete([memory.id])

    async def get(self, memory: MemoryId) -> Memory:
        """That memory."""
        found = self.kept.get(memory)
        if found is None or found.is_expired(self.clock.now()):
            raise NotFound(f"There is no memory {memory}.")
        return found

    async def search(self, text: str, *, which: Which = EVERY, limit: int = 10) -> Sequence[Found]:
        """Those that share most words with the text."""
        query = (await self.embedder.embed([text]))[0]
        found = [
            Found(memory, float(self.vectors[memory.id][1] @ query))
            for memory in self._fitting(which)
            if self.vectors[memory.id][0] == self.embedder.name
        ]
        return sorted(found, key=lambda each: -each.score)[:limit]

    async def list(self, which: Which = EVERY, *, limit: int = 100, offset: int = 0) -> Sequence[Memory]:
        """Those that fit, the last updated first."""
        found = sorted(self._fitting(which), key=lambda each: (-each.updated_at.timestamp(), each.id))
        return found[offset : offset + limit]

    async def delete(self, memories: Sequence[MemoryId]) -> int:
        """Drop them."""
        for memory in memories:
            self.vectors.pop(memory, None)
        return sum(self.kept.pop(memory, None) is not None for memory in dict.fromkeys(memories))

    async def reembed(self, told: Callable[[int, int], None] | None = None) -> int:
        """Embed what another embedder embedded."""
        old = [each for each in self.kept.values() if self.vectors[each.id][0] != self.embedder.name]
        rows = await self.embedder.embed([memory.text for memory in old])
        there = {
            memory.id: (self.embedder.name, row)
            for memory, row in zip(old, rows, strict=True)
            if self.kept.get(memory.id) == memory
        }
        self.vectors |= there
        if told is not None:
            told(len(old), len(old))
        return len(there)

    def _fitting(self, which: Which) -> Sequence[Memory]:
        now = self.clock.now()
        return [each for each in self.kept.values() if not each.is_expired(now) and which.fits(each)]
