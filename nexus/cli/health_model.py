"""What `nexus doctor` says of the model: is it there, and does it fit."""

from __future__ import annotations

from collections.abc import AsyncIterator

from nexus.cli.health import Check
from nexus.cli.words import one_line, size_in_words
from nexus.errors import NexusError
from nexus.models.embedder_choice import embedder_of
from nexus.models.memory_need import CARD_BYTES, MemoryNeed, fits
from nexus.models.state import ModelState, model_state, ram_bytes
from nexus.settings import Settings


async def check_model(settings: Settings) -> AsyncIterator[Check]:
    """The choice, whether it can think, what it needs; and whether tools are found by meaning."""
    try:
        state = await model_state(settings)
    except NexusError as error:
        yield Check("model", "bad", error.message, error.remedy)
    else:
        yield _choice(state)
        if state.need is not None:
            yield _card(state.need, settings.num_ctx)
            yield _memory(state.need)
    yield await _meaning(settings)


def _choice(state: ModelState) -> Check:
    why = "nothing else is chosen" if state.is_default else "chosen"
    named = f"{one_line(state.choice.setting)} ({why})"
    if state.problem is None:
        return Check("model", "ok", named)
    return Check("model", "bad", f"{named}: {one_line(state.problem)}", state.remedy)


def _card(need: MemoryNeed, num_ctx: int) -> Check:
    parts = f"{size_in_words(need.weights)} weights + {size_in_words(need.kv_cache)} for {num_ctx} tokens"
    text = f"needs {size_in_words(need.total)} ({parts} + {size_in_words(need.compute)} to compute)"
    if fits(need):
        return Check("card", "ok", f"{text}; fits a {size_in_words(CARD_BYTES)} graphics card")
    remedy = "Lower NEXUS_NUM_CTX, choose a smaller model, or let the processor do part of it."
    return Check("card", "warn", f"{text}; does not fit a {size_in_words(CARD_BYTES)} graphics card", remedy)


def _memory(need: MemoryNeed) -> Check:
    ram = ram_bytes()
    if ram is None:
        return Check("memory", "warn", "this machine does not say how much it has")
    if need.total < ram:
        return Check("memory", "ok", f"{size_in_words(ram)}, enough for the model")
    return Check(
        "memory", "bad", f"{size_in_words(ram)} are not enough for the model", "Choose a smaller model."
    )


async def _meaning(settings: Settings) -> Check:
    """Without an embedding model tools are still found, by their words."""
    try:
        embedder = await embedder_of(
            settings.embeddings, ollama_url=settings.ollama_url, allow_remote=settings.allow_remote_model
        )
        await embedder.embed(["send an e-mail"])
    except NexusError as error:
        return Check(
            "search", "warn", f"tools are found by words alone ({one_line(error.message)})", error.remedy
        )
    return Check("search", "ok", "tools are found by words and by meaning")
