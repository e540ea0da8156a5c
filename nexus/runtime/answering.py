"""Answers to what a thread asks, each under the id of its question: never taken for another's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from langgraph.pregel import Pregel

from nexus.errors import Conflict, InvalidInput, NotFound
from nexus.runtime.graphs import Graph
from nexus.runtime.requests import Wanted


async def with_addresses(graph: Graph, thread_id: str, wanted: Wanted) -> Wanted:
    """The run that is wanted, its answer under the ids of questions: also after a crash it is for no other.

    Raises as `addressed`.
    """
    command = wanted.command or {}
    if "resume" not in command or (is_by_id(command["resume"]) and not wanted.is_strict):
        return wanted
    async with graph.open({"configurable": {"thread_id": thread_id}}) as opened:
        pending = await open_questions(opened, thread_id)
    resume = addressed(pending, command["resume"], strict=wanted.is_strict)
    return replace(wanted, command={**command, "resume": resume})


async def open_questions(opened: Pregel[Any, Any, Any, Any], thread_id: str) -> list[str]:
    """The ids of the questions that the thread waits for."""
    snapshot = await opened.aget_state({"configurable": {"thread_id": thread_id}})
    return [each.id for each in snapshot.interrupts]


def addressed(pending: Sequence[str], resume: Any, *, strict: bool) -> Any:
    """An answer under the id of the one of the questions it is for, so that it is never taken for another's.

    Raises:
        Conflict: It is under no id, and more than one question is open, or none (if strict).
        NotFound: No question of that id is open (if strict).
    """
    if is_by_id(resume):
        unknown = sorted(set(resume) - set(pending)) if strict else []
        if unknown or not resume:
            raise NotFound(f"No question {(unknown or [''])[0]!r} is open.", remedy="Look at its state.")
        return resume
    if len(pending) > 1:
        raise InvalidInput(
            "several questions are open", field="command.resume", remedy="Answer under their interrupts' ids."
        )
    if not pending:
        if strict:
            raise Conflict("No question is open in this thread.", remedy="Somebody may have been first.")
        return resume
    return {pending[0]: resume}


def is_by_id(resume: Any) -> bool:
    """True for answers under the ids of their interrupts."""
    hexadecimal = set("0123456789abcdef")
    return (
        isinstance(resume, dict)
        and bool(resume)
        and all(len(str(key)) == 32 and set(str(key)) <= hexadecimal for key in resume)  # noqa: PLR2004
    )
