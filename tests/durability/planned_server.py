"""`nexus` as it is shipped, over a planned model: it writes a line, or hangs if it is to do it slowly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from nexus.cli.program import program
from nexus.ports.model import ChatMessage, Completion
from nexus.settings import Settings
from tests.cli.planned import ENTRY
from tests.planned_model import PlannedModel

TEXT = {"text": "hello"}


class ByRequest(PlannedModel):
    """Plans by what it is asked for."""

    async def complete(self, messages: Sequence[ChatMessage], **asked: Any) -> Completion:
        """The next step of the request's own plan."""
        slow = any("slowly" in message.content for message in messages)
        plan = (("plain_hang" if slow else "plain_write", TEXT),)
        return await PlannedModel(plan=plan, answer="It is written.").complete(messages, **asked)

    async def probability_of_yes(self, messages: Sequence[ChatMessage]) -> float:
        """Sure of every tool; no request is a question."""
        return float("Tool: " in messages[-1].content)


async def _planned(_: Settings) -> PlannedModel:
    """Stands where the composition root makes the model that the settings choose."""
    return ByRequest()


if __name__ == "__main__":
    pytest.MonkeyPatch().setattr("nexus.wiring.shared._model", _planned)
    program(obj=ENTRY)
