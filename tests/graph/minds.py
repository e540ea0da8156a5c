"""A world that remembers."""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn

from graphs.memories import Memories
from nexus.core.memory import Memory
from nexus.testing import FakeClock, KeptMemories, ScriptedModel
from tests.world import MAIL, SEND, MakeWorld, World


class Remembering:
    """A world with memory, and what is in it."""

    def __init__(self, world: World, store: KeptMemories) -> None:
        self.world = world
        self.memories = Memories(store, world.clock)
        world.wire(memories=self.memories)

    async def kept(self) -> list[Memory]:
        return list(await self.memories.store.list())

    @property
    def prompts(self) -> str:
        return "\n".join(message.content for prompt in self.world.model.prompts for message in prompt)


class Broken(KeptMemories):
    """Memories that are there, and whose store then fails at whatever it is asked, in one of three ways."""

    error: Exception | None = None

    def break_with(self, error: Exception | None) -> None:
        self.error = error
        for name in ("get", "list", "search", "put"):
            setattr(self, name, self._fail)

    async def _fail(self, *_: Any, **__: Any) -> NoReturn:
        if self.error is None:
            await asyncio.Event().wait()
        raise self.error or AssertionError


def proposal(*memories: dict[str, str]) -> list[dict[str, Any]]:
    return [{"tool": "final_answer"}, {"answer": "Done."}, {"memories": list(memories)}]


async def with_script(make_world: MakeWorld, *lines: dict[str, Any]) -> Remembering:
    world = await make_world()
    world.model = ScriptedModel([*lines], yes=1.0)  # type: ignore[assignment]
    return Remembering(world, Broken(FakeClock()))


CALL: list[dict[str, Any]] = [{"tool": SEND.slug}, MAIL]
