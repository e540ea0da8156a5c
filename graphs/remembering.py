"""What a run writes into memory: what the person said or showed, never what somebody else wrote.

What a tool returned is in no prompt here. In a thread that has read others' words, all but a person's own
`remember …` waits for their yes. Memory is a help and no more: a store that fails never stops a run.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from langchain_core.messages import HumanMessage

from graphs.events import emit
from graphs.judging import is_trusted_thread
from graphs.parts import Parts
from graphs.prompting import shots
from graphs.recall import told
from graphs.state import State, current_run
from graphs.writing import Writer
from nexus.core.action import Call, ThreadId
from nexus.core.approval import Approval
from nexus.core.lasting import (
    changes,
    endings,
    holds_credential,
    is_grounded,
    kind_of,
    may_last,
    said_to_remember,
    usual,
)
from nexus.core.memory import LONGEST, Author, Kind
from nexus.core.words import brief
from nexus.errors import InvalidInput, ModelFailed, NexusError, NotFound
from nexus.ports.model import ChatMessage

MOST = 2
"""Memories that the model proposes for one run at most."""

PROPOSAL_TOKENS = 160

_REQUEST = 120  # characters of a request that a learned procedure repeats

_log = logging.getLogger(__name__)

_PROPOSAL = {
    "type": "object",
    "properties": {
        "memories": {
            "type": "array",
            "maxItems": MOST,
            "items": {
                "type": "object",
                "properties": {
                    "kind": {"type": "string", "enum": ["preference", "fact", "procedure"]},
                    "text": {"type": "string", "minLength": 3, "maxLength": 200},
                },
                "required": ["kind", "text"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["memories"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be kept; the fields are those of `Memory`."""

    text: str
    kind: Kind
    author: Author
    subject: str | None = None
    tool: str | None = None
    toolkit: str = ""


async def remember_said(parts: Parts, request: str, thread: ThreadId) -> tuple[str, str] | None:
    """Keep what `remember …` says: what to tell the person, and what else they ask for.

    None if the request is nothing of that kind, or memory is off.
    """
    said = said_to_remember(request) if parts.memories is not None else None
    if said is None or parts.memories is None:
        return None
    text, rest = said
    try:
        kept = await parts.memories.remember(text, kind=kind_of(text), thread=thread)
    except InvalidInput as error:
        return f"I cannot remember this: {error}", rest
    except NexusError as error:
        return f"I could not remember this just now: {error}", rest
    emit("remembered", memories=told([kept]), pending=False)
    return f"I will remember: {kept.text}", rest


async def propose(parts: Parts, write: Writer, state: State, thread: ThreadId) -> None:
    """Ask the model what of the person's own words is worth keeping, if anything may be; keep it.

    What it writes says no more than they did. In a thread that has read others' words it waits.
    """
    said = "\n".join(each.text for each in current_run(state["messages"]) if isinstance(each, HumanMessage))
    if parts.memories is None or said_to_remember(said) or not may_last(said):
        return
    try:
        proposed = await write([*shots("lasting"), ChatMessage("user", said)], _PROPOSAL, PROPOSAL_TOKENS)
    except ModelFailed as error:
        _log.warning("nothing is proposed for memory: %s", error)
        return
    for each in proposed["memories"]:
        if is_grounded(each["text"], said):
            await _keep(parts, state, thread, Note(each["text"], each["kind"], "model"))


async def learn_from_edit(parts: Parts, state: State, before: Approval, after: Approval) -> None:
    """Keep what a person's change of a call shows: a value for requests like this, how a text ends.

    Nothing of a call that others decide on: it would be their words in this user's memory.
    """
    if before.approvers:
        return
    tool, request = before.call.tool, brief(state.get("goal", ""), _REQUEST)
    title, toolkit = _named(parts, tool)
    notes: list[Note] = []
    for name, text in endings(before.call.arguments, after.call.arguments).items():
        said, subject = f'End the {name} with "{text}" ({title})', f"{tool} {name} ends"
        notes.append(Note(said, "preference", "edit", subject, tool, toolkit))
    if found := changes(before.call.arguments, after.call.arguments):
        values = ", ".join(f"{name} {value}" for name, value in found.items())
        said, subject = f'For "{request}": {title} with {values}', f"{tool} for {request.casefold()}"
        notes.append(Note(said, "procedure", "edit", subject, tool, toolkit))
    for note in notes:
        await _keep(parts, state, before.thread, note, call=after.call)


async def learn_from_call(parts: Parts, state: State, call: Call, thread: ThreadId) -> None:
    """Keep the settings that a person approved twice in a row for a tool, and that worked.

    Called before experience notes the call. In a thread that has read others' words nothing is learned:
    nobody could tell whose values they are.
    """
    if parts.memories is None or parts.experience is None:
        return
    try:
        past = await parts.experience.last_call(parts.user, call.tool)
        if past is None or not await is_trusted_thread(parts, state, thread, call=call):
            return
    except NexusError as error:
        _log.warning("nothing is learned from %s: %s", call.key, error)
        return
    try:
        parameters = parts.tools.get(call.tool).parameters
    except NotFound:
        return
    if found := usual(call.arguments, past.arguments, parameters):
        title, toolkit = _named(parts, call.tool)
        said = f"{title}: {', '.join(f'{name} is usually {value}' for name, value in found.items())}"
        note = Note(said, "procedure", "call", f"{call.tool} usual", call.tool, toolkit)
        await _keep(parts, state, thread, note, call=call)


async def _keep(
    parts: Parts, state: State, thread: ThreadId, note: Note, *, call: Call | None = None
) -> None:
    """Write it down; as pending if others may have had a hand in it. A credential is the person's to keep."""
    if parts.memories is None or holds_credential(note.text):
        return
    try:
        kept = await parts.memories.remember(
            note.text[:LONGEST],
            kind=note.kind,
            author=note.author,
            subject=note.subject,
            thread=thread,
            apps=frozenset({note.toolkit} - {""}),
            tool=note.tool,
            is_pending=not await is_trusted_thread(parts, state, thread, call=call),
        )
    except NexusError as error:
        _log.warning("nothing is remembered of this: %s", error)
        return
    emit("remembered", memories=told([kept]), pending=kept.is_pending)


def _named(parts: Parts, tool: str) -> tuple[str, str]:
    """A tool's title and toolkit; its name if it is gone."""
    try:
        spec = parts.tools.get(tool)
    except NotFound:
        return tool, ""
    return spec.title, spec.toolkit
