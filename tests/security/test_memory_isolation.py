"""Memory as a server has it, put together by the composition root: each user's, and off by one setting."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from nexus.runtime.runner import finish
from nexus.runtime.service import Service
from nexus.settings import Settings
from nexus.testing import ScriptedModel
from nexus.wiring.shared import Shared, open_shared
from nexus.wiring.user import open_user

CANARY = "canary-5d1f@elsewhere.example"
REQUEST = "Mail our landlord that the heating is broken"
MAIL = {"to": ["ortiz@homes.example"], "subject": "Heating", "body": "The heating is broken."}


@asynccontextmanager
async def shared_with(home: Path, model: ScriptedModel, **settings: str) -> AsyncIterator[Shared]:
    async with open_shared(Settings(home=home, model="embedded:qwen2.5-coder-0.5b", **settings)) as shared:
        yield replace(shared, model=model)


async def remember(service: Service, text: str) -> None:
    assert service.parts.memories is not None
    await service.parts.memories.remember(text)


def prompts(model: ScriptedModel) -> str:
    return "\n".join(message.content for prompt in model.prompts for message in prompt)


async def test_no_prompt_of_a_user_has_a_word_of_anothers_memories(tmp_path: Path):
    model = ScriptedModel(yes=1.0).calls(("desk_send_email", MAIL))
    async with (
        shared_with(tmp_path, model) as shared,
        open_user(shared, "ana") as ana,
        open_user(shared, "ben") as ben,
    ):
        for text in (f"Our landlord is {CANARY}", f"{REQUEST} {CANARY}", f"The heating is broken {CANARY}"):
            await remember(ben, text)
        await remember(ana, "Our landlord is Mr. Ortiz, ortiz@homes.example")
        await ana.runner.create_thread("t")
        await finish(ana.runner.run("t", REQUEST))
        (approval,) = (await ana.runner.view("t")).approvals
    assert approval.origins["/to/0"] == "memory"
    assert "ortiz@homes.example" in prompts(model)
    assert CANARY not in prompts(model)


async def test_with_memory_off_nothing_is_kept_and_nothing_that_was_kept_is_recalled(tmp_path: Path):
    async with shared_with(tmp_path, ScriptedModel()) as shared, open_user(shared, "ana") as ana:
        await remember(ana, "Our landlord is Mr. Ortiz, ortiz@homes.example")
    model = ScriptedModel(yes=1.0).calls(answer="Done.")
    async with shared_with(tmp_path, model, memory="off") as shared, open_user(shared, "ana") as ana:
        assert ana.parts.memories is None
        await ana.runner.create_thread("t")
        await finish(ana.runner.run("t", "Who is our landlord?"))
    assert model.prompts
    assert "ortiz" not in prompts(model)
