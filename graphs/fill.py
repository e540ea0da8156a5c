"""Filling: the arguments of the tool that the model chose, written by it and checked by code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from langchain_core.messages import ToolMessage

from graphs.prompting import Prompt, chosen, fill_request, prompt_file, with_dates
from graphs.prompting import written as as_json
from graphs.provenance import sources
from graphs.state import State, calls_made
from graphs.writing import Writer
from nexus.core.alternatives import named_in, with_alternatives, with_demands
from nexus.core.arguments import check_arguments
from nexus.core.grounding import check_grounded, without_made_up
from nexus.core.invented import without_invented
from nexus.core.known_values import choices_in, with_known_values
from nexus.core.origin import Source
from nexus.core.placeholders import without_placeholders
from nexus.core.simple_schema import SimpleSchema, simplified
from nexus.core.tool import ToolSpec
from nexus.errors import ArgumentsInvalid, OutputCut, OutputInvalid
from nexus.ports.experience import PastCall
from nexus.ports.model import ChatMessage

ARGUMENT_TOKENS = 900


@dataclass(frozen=True, slots=True)
class Filled:
    """The arguments of a call that is not proposed yet.

    Attributes:
        arguments: What the model wrote, mapped back to the tool's own schema.
        problem: Why they do not fit that schema, after every correction; None if they do.
        unknown: The id or address that has to be looked up first; None if everything is known.
        left_out: What of the tool's schema the model could not say (`SimpleSchema.lost`).
    """

    arguments: dict[str, Any]
    problem: ArgumentsInvalid | None = None
    unknown: ArgumentsInvalid | None = None
    left_out: tuple[str, ...] = ()


async def fill(
    write: Writer, state: State, prompt: Prompt, spec: ToolSpec, *, corrections: int, past: PastCall | None
) -> Filled:
    """Let the model write the arguments of `spec` after `prompt`, with up to `corrections` second tries.

    What can only be copied is a choice of what is known; if something required is not, nothing is asked.
    `past` is shown as an example.
    """
    known = sources(state)
    refused = Refused.of(state, spec.slug)
    try:
        simple = with_known_values(_offered(spec, _meant(state), refused), known, spec.slug)
    except ArgumentsInvalid as error:
        return Filled({}, unknown=error)
    conversation = [*prompt, chosen(spec.slug), *fill_request(spec, simple, state, past)]
    arguments, problem = await _fitting(write, conversation, spec, simple, refused, corrections=corrections)
    if problem is not None:
        return Filled(arguments, problem=problem, left_out=simple.lost)
    named = without_invented(simple.flat(arguments), simple.schema, known, with_dates(state))
    arguments = _if_valid(spec, simple.restore(named), arguments)
    known.append(Source("schema", "\n".join(choices_in(simple.schema))))
    arguments = without_made_up(arguments, known, required=_needed(simple))
    unknown = _made_up(arguments, known)
    completed = _if_valid(spec, without_placeholders(arguments, known), arguments)
    return Filled(completed, unknown=unknown, left_out=simple.lost)


def to_mend(state: State) -> str | None:
    """The tool whose arguments were just refused: it is tried again with others before anything else."""
    last = state["messages"][-1]
    if not isinstance(last, ToolMessage) or not isinstance(last.artifact, dict):
        return None
    return last.name if last.artifact.get("outcome") == "invalid" else None


def sought_for(state: State) -> str | None:
    """The tool for an argument of which something was just looked up, with success: it is next."""
    last = state["messages"][-1]
    if not isinstance(last, ToolMessage) or last.status != "success":
        return None
    return state.get("sought", {}).get(last.tool_call_id)


def refused_again(state: State, tool: str, arguments: dict[str, Any]) -> ArgumentsInvalid | None:
    """What to find out for arguments that `tool` has just refused and that the model writes once more.

    None if nothing was refused: then they are those of a call that is done.
    """
    refused = Refused.of(state, tool)
    if refused is None:
        return None
    field = named_in(refused.said, arguments)
    return ArgumentsInvalid("they were refused before", field=field, remedy="Find out what is right first.")


@dataclass(frozen=True, slots=True)
class Refused:
    """Arguments that the tool has just refused, and what it said to them."""

    arguments: dict[str, Any]
    said: str

    @classmethod
    def of(cls, state: State, tool: str) -> Refused | None:
        """What is to be mended in the next call of `tool`; None if nothing is."""
        if to_mend(state) != tool:
            return None
        return cls(calls_made(state)[-1][1], state["messages"][-1].text)


def _offered(spec: ToolSpec, goal: str, refused: Refused | None) -> SimpleSchema:
    """The parameters for the model to fill in; if some were refused, as the refusal wants them."""
    if refused is None:
        return simplified(spec.parameters, goal)
    # What the refusal names is offered, however many options there are.
    simple = simplified(spec.parameters, f"{goal}\n{refused.said}")
    flat = simple.flat(refused.arguments)
    return with_alternatives(with_demands(simple, flat, refused.said), flat, refused.said)


def _meant(state: State) -> str:
    """What says which options matter: the request, and what is remembered for it."""
    return "\n".join([state["goal"], *state.get("memories", [])])


def _needed(simple: SimpleSchema) -> list[str]:
    """The arguments that have to be there, by the tool's own names."""
    return [simple.paths.get(name, (name,))[0] for name in simple.schema["required"]]


async def _fitting(
    write: Writer,
    prompt: Prompt,
    spec: ToolSpec,
    simple: SimpleSchema,
    refused: Refused | None,
    *,
    corrections: int,
) -> tuple[dict[str, Any], ArgumentsInvalid | None]:
    """Arguments that fit the tool's own schema, or the last ones with what is wrong with them."""
    conversation = [*prompt]
    if refused is not None:
        conversation += _corrected(simple.flat(refused.arguments), refused.said, spec.slug)
    written: dict[str, Any] = {}
    problem: ArgumentsInvalid | None = None
    for _ in range(1 + corrections):
        try:
            written = await write(conversation, simple.schema, ARGUMENT_TOKENS)
            check_arguments(spec, simple.restore(written))
            _check_new(simple.restore(written), refused)
        except ArgumentsInvalid as error:
            problem = error
        except OutputCut:
            problem = ArgumentsInvalid("they are far too long", remedy="Be brief.")
        except OutputInvalid as error:
            problem = ArgumentsInvalid(str(error))
        else:
            return simple.restore(written), None
        write.correct(spec.slug, str(problem))
        conversation += _corrected(written, str(problem), spec.slug)
    arguments = simple.restore(written)
    # The very same again: whoever asked for them decides whether that is worth a try.
    return arguments, None if refused is not None and arguments == refused.arguments else problem


def _check_new(arguments: dict[str, Any], refused: Refused | None) -> None:
    """Make sure that the arguments differ from those that the tool has just refused."""
    if refused is not None and arguments == refused.arguments:
        raise ArgumentsInvalid(f"they are the same again. {refused.said}")


def _corrected(refused: dict[str, Any], problem: str, tool: str) -> list[ChatMessage]:
    """The arguments that did not fit, and the request for others."""
    again = prompt_file("correction").substitute(problem=problem, tool=tool)
    return [as_json(refused), ChatMessage("user", again)]


def _if_valid(spec: ToolSpec, better: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """The better arguments, if they fit the tool's schema too."""
    try:
        check_arguments(spec, better)
    except ArgumentsInvalid:
        return arguments
    return better


def _made_up(arguments: dict[str, Any], known: list[Source]) -> ArgumentsInvalid | None:
    """What is wrong if an id or address stands neither in the request nor in a result."""
    try:
        check_grounded(arguments, known)
    except ArgumentsInvalid as error:
        return error
    return None
