"""The product as it is shipped, in this process: only the model is planned, and the outside is elsewhere."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from nexus.app import open_services
from nexus.models.weights import DEFAULT_MODEL, KNOWN_MODELS
from nexus.runtime.services import Services
from nexus.settings import Settings
from tests.api.serving import Office
from tests.planned_model import Plan, PlannedModel
from tests.servers.hub import tiny_model

NOBODY = "http://127.0.0.1:9"
"""Where nothing listens."""


@dataclass
class Shipped(Office):
    """An office with the real wiring; no Ollama runs, and weights are kept in the home.

    Attributes:
        more: Settings beside those.
    """

    more: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def settings(self) -> Settings:
        own: dict[str, Any] = {
            "ollama_url": NOBODY,
            "hub_url": NOBODY,
            "models_dir": self.home / "models",
            "undo_seconds": 0.0,
        }
        return Settings(home=self.home, host="127.0.0.1", port=0, **own | self.more)

    @asynccontextmanager
    async def open_services(self) -> AsyncGenerator[Services]:
        async with open_services(self.settings) as services:
            yield services


@contextmanager
def thinking(*plan: tuple[str, Any], answer: str = "Done.") -> Generator[pytest.MonkeyPatch]:
    """Every server that starts meanwhile has a model that does this, and takes small weights for its own."""

    async def planned(_: Settings) -> PlannedModel:
        steps: Plan = plan
        return PlannedModel(plan=steps, answer=answer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nexus.wiring.shared._model", planned)
        patch.setitem(KNOWN_MODELS, DEFAULT_MODEL, tiny_model(DEFAULT_MODEL))
        patch.setattr("nexus.models.state.lacks_engine", lambda: False)
        yield patch
