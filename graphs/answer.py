"""The words a run ends with: streamed as they are written, and held to what the results say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.messages import ToolMessage

from graphs.events import teller
from graphs.prompting import chosen, prompt_file
from graphs.provenance import sources
from graphs.state import FIND_TOOLS, State, current_run, proposed
from graphs.writing import Writer
from nexus.core.alternatives import stands_in
from nexus.core.references import is_known, references
from nexus.core.tool import ToolSpec
from nexus.errors import NotFound
from nexus.ports.model import ChatMessage
from nexus.ports.tools import Tools

TEXT_TOKENS = 300
_MOST_CHARACTERS = 600
_MOST_MADE = 3
_REASON = 200  # characters of an error that the answer repeats

_MOST_ROWS = 12
_ROW = re.compile(r" \| |\t")
_NAME = re.compile(r"\b[^\W\d_a-z][^\W\d_A-Z]{3,}\b")
"""A word that begins like a name or a title."""

_SENTENCE = re.compile(r"\S.*?(?:[.!?](?:\s+|$)|$)", re.DOTALL)
"""A sentence with the space after it."""

_CLAIM = re.compile(
    r"\bI(?:'ve| have)?(?: then| also| now| \w+ly)?"
    r" (?!(?:found|looked|searched|read|checked|listed|see|saw|know|could|can|cannot|can't|did|was|am)\b)\w+"
)
"""Says that the agent did something other than looking."""

NOTHING_CHANGED = "Nothing was changed or sent."

_STRING = re.compile(
    r"""(?: [^"\\] | \\[^u] | \\u(?![dD][89abAB])[0-9a-fA-F]{4}
          | \\u[dD][89abAB][0-9a-fA-F]{2}\\u[0-9a-fA-F]{4} )*""",
    re.VERBOSE | re.DOTALL,
)
"""The inside of a JSON string as far as it is whole: it ends before an escape that is still being written."""


async def write_text(
    write: Writer, prompt: Sequence[ChatMessage], tool: str, asked: str, *, name: str, is_told: bool = False
) -> str:
    """A text of a sentence or two under the key `name`, which the prompt file `asked` asks for.

    It follows the choice of `tool`; with `is_told` watchers see it grow.
    """
    conversation = [*prompt, chosen(tool), ChatMessage("user", prompt_file(asked).template)]
    text = {"type": "string", "minLength": 1, "maxLength": _MOST_CHARACTERS}
    schema = {
        "type": "object",
        "properties": {name: text},
        "required": [name],
        "additionalProperties": False,
    }
    on_text = Unwrapped(teller("writing")).feed if is_told else None
    return str((await write(conversation, schema, TEXT_TOKENS, on_text))[name])


class Unwrapped:
    """Tells the text inside a JSON object with one string property, while that is being written."""

    def __init__(self, tell: Callable[..., None]) -> None:
        self._tell = tell
        self._written = ""
        self._told = ""

    def feed(self, piece: str) -> None:
        """One more piece of the JSON."""
        self._written += piece
        text = _readable(self._written)
        if len(text) > len(self._told):
            self._tell(text=text[len(self._told) :])
            self._told = text


def _readable(written: str) -> str:
    """What the beginning of a JSON object already says in its one string property."""
    start = written.find('"', written.find(":") + 1)
    if ":" not in written or start < 0:
        return ""
    inside = _STRING.match(written, start + 1)
    return json.loads(f'"{inside[0] if inside else ""}"', strict=False)


def true_answer(text: str, state: State, tools: Tools) -> str:
    """The model's answer without what is made up, with what was made, and with what was not done.

    A sentence with an address, a link or an id that stands neither in a request nor in a result is left
    out, and so is all that comes after one sentence for each action: it embroiders what was done. Links
    and ids of what the actions made are added if the text does not have them, and so is every action that
    failed for good: a small model leaves failures out of its answers.
    """
    known = sources(state)
    sentences = [
        each for each in _SENTENCE.findall(text) if all(is_known(one, known) for one in references(each))
    ]
    acted = sum(_acts(tools, each.name or "") for each in _results(state) if each.status == "success")
    told = "".join(sentences[: acted or None]).strip() or _last_result(state)
    if made := [each for each in _made(state, tools) if each not in told]:
        told = f"{told} ({', '.join(made[:_MOST_MADE])})"
    return "\n".join([told, *_otherwise(state, tools), *_failures(state, tools)])


def only_found(text: str, state: State) -> str:
    """The answer of a run that only looked: what it found, without claims of more, and that this is all."""
    sentences = [each for each in _SENTENCE.findall(text) if not _CLAIM.search(each)]
    return f"{''.join(sentences).strip() or _last_result(state)}\n{NOTHING_CHANGED}"


def with_rows(text: str, state: State) -> str:
    """The answer, with the rows it was read from below it if they are few and it leaves out a name of theirs.

    A small model turns `18:30 | Dentist | 12 Mill Lane` into `one at 18:30 in 12 Mill Lane`.
    """
    rows = _last_result(state).split("\n")
    is_table = 1 < len(rows) <= _MOST_ROWS and all(_ROW.search(row) for row in rows)
    said = text.casefold()
    if not is_table or all(name.casefold() in said for row in rows for name in _NAME.findall(row)):
        return text
    return "\n".join([text, *rows])


def _last_result(state: State) -> str:
    """What the last tool said, for an answer of which nothing is left."""
    done = [result.text for result in _results(state) if result.status == "success"]
    return done[-1][:_MOST_CHARACTERS] if done else ""


def _made(state: State, tools: Tools) -> list[str]:
    """Links and ids that the actions of this run gave back, without what the requests named."""
    asked = [source for source in sources(state) if source.origin == "user"]
    given = [
        reference
        for result in _results(state)
        if result.status == "success" and _acts(tools, result.name or "")
        for reference in references(result.text)
    ]
    return [each for each in dict.fromkeys(given) if "@" not in each and not is_known(each, asked)]


def _failures(state: State, tools: Tools) -> list[str]:
    """One line for each action of this run that failed and was not done later."""
    results = _results(state)
    done = {result.name for result in results if result.status == "success"}
    failed = {result.name or "": result.text for result in results if result.status != "success"}
    return [
        f"Not done: {_title(tools, name)}. {_first_line(text)}"
        for name, text in failed.items()
        if name not in done and _acts(tools, name)
    ]


def _otherwise(state: State, tools: Tools) -> list[str]:
    """One line for each value of the request that a tool refused, and for which another was put in.

    An id that was found for a name is what was asked for.
    """
    lines: list[str] = []
    refused: dict[str, dict[str, Any]] = {}
    found = ""
    results = {result.tool_call_id: result for result in _results(state)}
    for call in proposed(state):
        result, name = results.get(str(call["id"])), call["name"]
        if result is None:
            continue
        if result.status != "success":
            refused[name] = call["args"]
        elif name in refused and _acts(tools, name):
            lines += _replaced(refused.pop(name), call["args"], asked=state["goal"], found=found)
        found += result.text if result.status == "success" else ""
    return lines


def _replaced(before: dict[str, Any], after: dict[str, Any], *, asked: str, found: str) -> list[str]:
    changed = {name: (_said(before.get(name)), _said(value)) for name, value in after.items()}
    return [
        f"Not as asked: {name} is {new} instead of {old}, which was refused."
        for name, (old, new) in changed.items()
        if old != new and stands_in(old, asked) and not stands_in(new, found)
    ]


def _said(value: Any) -> str:
    """A value as it stands in a sentence; of a list, what is in it."""
    values: list[Any] = value if isinstance(value, list) else [value]
    return ", ".join(str(each) for each in values if each is not None)


def _results(state: State) -> list[ToolMessage]:
    return [
        message
        for message in current_run(state["messages"])
        if isinstance(message, ToolMessage) and message.name != FIND_TOOLS
    ]


def _acts(tools: Tools, name: str) -> bool:
    spec = _spec(tools, name)
    return spec is None or not spec.changes_nothing


def _title(tools: Tools, name: str) -> str:
    spec = _spec(tools, name)
    return spec.title if spec else name


def _spec(tools: Tools, name: str) -> ToolSpec | None:
    try:
        return tools.get(name)
    except NotFound:
        return None


def _first_line(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return line if len(line) <= _REASON else f"{line[:_REASON]}…"
