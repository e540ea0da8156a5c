"""The choice of a model: listed, shown, kept."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from nexus.cli.configuration import overruled_by, persist
from nexus.cli.exits import DONE, UNAVAILABLE, USAGE
from nexus.cli.watcher import JsonLines, Watcher
from nexus.cli.words import one_line, size_in_words
from nexus.models.memory_need import CARD_BYTES, fits
from nexus.models.selection import choice_of, installed_models, parse_choice
from nexus.models.state import ModelState, model_state
from nexus.settings import Settings


async def show_models(watcher: Watcher, settings: Settings) -> int:
    """Every model that is here or can be fetched; the one in force is marked."""
    chosen = (await choice_of(settings.model, ollama_url=settings.ollama_url)).setting
    found = await asyncio.to_thread(installed_models, settings.models_dir, settings.ollama_url)
    entries = [
        (
            {
                "model": model.setting,
                "bytes": model.size,
                "licence": model.licence,
                "installed": model.is_installed,
                "in_force": model.setting == chosen,
            },
            [
                one_line(model.setting),
                size_in_words(model.size),
                "here" if model.is_installed else "to be fetched",
                one_line(model.licence),
                "yes" if model.setting == chosen else "",
            ],
        )
        for model in found
    ]
    watcher.table(
        ["model", "size", "weights", "licence", "in force"], entries, nothing="There are no models."
    )
    return DONE


async def show_model(watcher: Watcher, settings: Settings) -> int:
    """The model in force; the exit code says whether it can think right now."""
    state = await model_state(settings)
    if isinstance(watcher, JsonLines):
        watcher.event(_facts(state, settings))
    else:
        _describe(watcher, state, settings)
    return UNAVAILABLE if state.problem else DONE


async def use_model(watcher: Watcher, settings: Settings, setting: str) -> int:
    """Keep the choice, and say what it still needs."""
    choice = parse_choice(setting)
    variable = overruled_by("model")
    if variable:
        watcher.note(f"{variable} is set and stands above the file: change or unset it.", tone="bad")
        return USAGE
    path = persist(settings.home, "model", choice.setting)
    watcher.note(f"{one_line(choice.setting)} is the model now (in {path}).", tone="good")
    state = await model_state(settings.model_copy(update={"model": choice.setting}))
    if state.problem:
        _tell_problem(watcher, replace(state, is_default=False))
    return DONE


def _describe(watcher: Watcher, state: ModelState, settings: Settings) -> None:
    why = "by default" if state.is_default else "as chosen"
    watcher.note(
        f"{one_line(state.choice.setting)} ({why}), {settings.num_ctx} tokens of context", tone="strong"
    )
    if state.problem:
        _tell_problem(watcher, state)
    if state.need:
        card = "fits" if fits(state.need) else "does not fit"
        watcher.note(
            f"Memory: {size_in_words(state.need.total)}; {card} a {size_in_words(CARD_BYTES)} graphics card."
        )


def _tell_problem(watcher: Watcher, state: ModelState) -> None:
    watcher.note(f"It cannot think yet: {one_line(state.problem or '')}.", tone="warn")
    if state.remedy:
        watcher.note(f"  {one_line(state.remedy)}", tone="plain")


def _facts(state: ModelState, settings: Settings) -> dict[str, Any]:
    return {
        "model": state.choice.setting,
        "by_default": state.is_default,
        "num_ctx": settings.num_ctx,
        "ready": state.problem is None,
        "problem": state.problem,
        "remedy": state.remedy,
        "bytes_needed": state.need.total if state.need else None,
        "fits_4_gib_card": fits(state.need) if state.need else None,
    }
