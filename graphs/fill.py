"""Filling: the arguments of the tool that the model chose, written by it and checked by code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from langchain_core.messages import ToolMessage

from graphs.events import emit
from graphs.prompting import Prompt, chosen, fill_request, prompt_file, with_dates
from graphs.prompting import written as as_json
from graphs.provenance import sources
from graphs.state import State, calls_made
from graphs.writing import Writer
from nexus.core.arguments import check_arguments
from nexus.core.grounding import check_grounded, without_made_up
from nexus.core.known_values import choices_in, with_known_values
from nexus.core.origin import Source
from nexus.core.simple_schema import SimpleSchema, simplified
from nexus.core.tool import ToolSpec
from nexus.errors import ArgumentsInvalid, OutputCut, OutputInvalid
from nexus.ports.model import ChatMessage

ARGUMENT_TOKENS = 900


@dataclass(frozen=True, slots=True)
class Filled:
    """The arguments of a call that is not proposed yet.

    Attributes:
        arguments: What the model wrote, mapped back to the tool's own schema.
        problem: Why they do not fit that schema, after every correction; None if they do.
        unknown: The id or address that has to be looked up first; None if everything is known.
    """

    arguments: dict[str, Any]
    problem: ArgumentsInvalid | None = None
    unknown: ArgumentsInvalid | None = None


async def fill(write: Writer, state: State, prompt: Prompt, spec: ToolSpec, *, corrections: int) -> Filled:
    """Let the model write the arguments of `spec` after `prompt`, with up to `corrections` second tries.

    What can only be copied is a choice of what is known; if something required is not, nothing is asked.
    """
    known = sources(state)
    try:
        simple = with_known_values(simplified(spec.parameters, state["goal"]), known, spec.slug)
    except ArgumentsInvalid as error:
        return Filled({}, unknown=error)
    arguments, problem = await _fitting(write, state, prompt, spec, simple, corrections=corrections)
    if problem is not None:
        return Filled(arguments, problem=problem)
    known.append(Source("schema", "\n".join(choices_in(simple.schema))))
    arguments = without_made_up(arguments, known, required=spec.parameters.get("required", ()))
    return Filled(arguments, unknown=_made_up(arguments, known))


def to_mend(state: State) -> str | None:
    """The tool whose arguments were just refused: it is tried again with others before anything else."""
    last = state["messages"][-1]
    if not isinstance(last, ToolMessage) or not isinstance(last.artifact, dict):
        return None
    return last.name if last.artifact.get("outcome") == "invalid" else None


async def _fitting(
    write: Writer, state: State, prompt: Prompt, spec: ToolSpec, simple: SimpleSchema, *, corrections: int
) -> tuple[dict[str, Any], ArgumentsInvalid | None]:
    """Arguments that fit the tool's own schema, or the last ones with what is wrong with them."""
    conversation = [*prompt, chosen(spec.slug), fill_request(spec, simple, with_dates(state))]
    refused: dict[str, Any] | None = None
    if to_mend(state) == spec.slug:
        refused = calls_made(state)[-1][1]
        conversation += _corrected(simple.flat(refused), state["messages"][-1].text, spec.slug)
    written: dict[str, Any] = {}
    problem: ArgumentsInvalid | None = None
    for _ in range(1 + corrections):
        try:
            written = await write(conversation, simple.schema, ARGUMENT_TOKENS)
            check_arguments(spec, simple.restore(written))
            _check_new(simple.restore(written), refused, state["messages"][-1].text)
        except ArgumentsInvalid as error:
            problem = error
        except OutputCut:
            problem = ArgumentsInvalid("they are far too long", remedy="Be brief.")
        except OutputInvalid as error:
            problem = ArgumentsInvalid(str(error))
        else:
            return simple.restore(written), None
        emit("correction", tool=spec.slug, problem=str(problem))
        conversation += _corrected(written, str(problem), spec.slug)
    arguments = simple.restore(written)
    # The very same again: whoever asked for them decides whether that is worth a try.
    return arguments, None if arguments == refused else problem


def _check_new(arguments: dict[str, Any], refused: dict[str, Any] | None, error: str) -> None:
    """Make sure that the arguments differ from those that the tool has just refused with `error`."""
    if arguments == refused:
        raise ArgumentsInvalid(f"they are the same again. {error}")


def _corrected(refused: dict[str, Any], problem: str, tool: str) -> list[ChatMessage]:
    """The arguments that did not fit, and the request for others."""
    again = prompt_file("correction").substitute(problem=problem, tool=tool)
    return [as_json(refused), ChatMessage("user", again)]


def _made_up(arguments: dict[str, Any], known: list[Source]) -> ArgumentsInvalid | None:
    """What is wrong if an id or address stands neither in the request nor in a result."""
    try:
        check_grounded(arguments, known)
    except ArgumentsInvalid as error:
        return error
    return None
