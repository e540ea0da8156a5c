"""The model in force: which one it is, whether it can think right now, and what it needs."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from nexus.errors import InvalidInput, NexusError
from nexus.models.memory_need import MemoryNeed, need_of_file, need_of_ollama
from nexus.models.ollama_server import OllamaServer
from nexus.models.selection import ModelChoice, choice_of, parse_choice
from nexus.models.weights import KNOWN_MODELS, KnownModel, known_model
from nexus.settings import Settings

_INSTALL = "pip install 'nexus-agent[embedded]'"
_CONNECT_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class ModelState:
    """What is known of the chosen model without loading it.

    Attributes:
        choice: The model.
        is_default: True if no setting names it.
        problem: Why it cannot think right now; None if it can.
        remedy: What to do about the problem.
        need: The memory it will take, if that can be told.
    """

    choice: ModelChoice
    is_default: bool
    problem: str | None = None
    remedy: str | None = None
    need: MemoryNeed | None = None

    @property
    def lacks_weights(self) -> bool:
        """True if the problem is one that a download solves."""
        return self.choice.kind == "embedded" and self.choice.file is None and self.problem is not None


async def model_state(settings: Settings) -> ModelState:
    """Look at the chosen model.

    Raises:
        SettingsInvalid: The setting means no model.
    """
    choice = await choice_of(settings.model, ollama_url=settings.ollama_url)
    return await asyncio.to_thread(_looked_at, choice, settings)


async def weights_of(settings: Settings, name: str | None = None) -> KnownModel:
    """The weights that are meant: of the model in force, by their own name, or of what a setting names.

    Raises:
        SettingsInvalid: Nothing is called so.
        InvalidInput: They are none that Nexus keeps.
    """
    if name and (":" not in name or name.startswith("embedded:")):
        return known_model(name.removeprefix("embedded:"))
    choice = parse_choice(name) if name else await choice_of(settings.model, ollama_url=settings.ollama_url)
    if choice.kind == "ollama":
        raise InvalidInput("Ollama keeps its own weights", remedy=f"ollama pull {choice.name}")
    if choice.kind == "openai" or choice.file is not None:
        raise InvalidInput(
            f"{choice.setting} brings its own weights", remedy=f"Nexus can fetch: {', '.join(KNOWN_MODELS)}."
        )
    return KNOWN_MODELS[choice.name]


def lacks_engine() -> bool:
    """True if the embedded engine is not installed."""
    return importlib.util.find_spec("xllamacpp") is None


def ram_bytes() -> int | None:
    """This machine's memory; None where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _looked_at(choice: ModelChoice, settings: Settings) -> ModelState:
    problem, remedy = _problem(choice, settings)
    need = None if problem else _need(choice, settings)
    return ModelState(choice, settings.model is None, problem, remedy, need)


def _problem(choice: ModelChoice, settings: Settings) -> tuple[str | None, str | None]:
    match choice.kind:
        case "embedded":
            return _embedded_problem(choice, settings)
        case "ollama":
            return _ollama_problem(choice, settings.ollama_url)
        case "openai":
            return _server_problem(choice.url or "")


def _embedded_problem(choice: ModelChoice, settings: Settings) -> tuple[str | None, str | None]:
    file = choice.weights_file(settings.models_dir)
    if lacks_engine():
        return "the embedded engine is not installed", _INSTALL
    if file is None or not file.is_file():
        return f"its weights are not here ({file})", f"nexus model pull {choice.name}"
    if choice.file is None and file.stat().st_size != KNOWN_MODELS[choice.name].size:
        return f"its weights are not complete ({file})", f"nexus model pull {choice.name}"
    return None, None


def _ollama_problem(choice: ModelChoice, url: str) -> tuple[str | None, str | None]:
    try:
        names = {tag.name for tag in OllamaServer(url).tags()}
    except NexusError as error:
        return error.message, error.remedy or "ollama serve"
    if {choice.name, f"{choice.name}:latest"} & names:
        return None, None
    return f"Ollama does not have {choice.name}", f"ollama pull {choice.name}"


def _server_problem(url: str) -> tuple[str | None, str | None]:
    """Whether something listens there; what it is shows only when it is asked to think."""
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((parts.hostname or "", port), timeout=_CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        return f"nothing answers at {url} ({error})", "Start the server, or correct the URL: nexus model use"
    return None, None


def _need(choice: ModelChoice, settings: Settings) -> MemoryNeed | None:
    try:
        if choice.kind == "ollama":
            return need_of_ollama(choice.name, url=settings.ollama_url, num_ctx=settings.num_ctx)
        file = choice.weights_file(settings.models_dir)
        return need_of_file(file, num_ctx=settings.num_ctx) if file else None
    except NexusError:
        return None
