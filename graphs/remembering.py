"""What a run writes into memory: what the person said or showed, never what somebody else wrote.

What a tool returned is in no prompt here. In a thread that has read others' words, all but a person's own
`remember …` waits for their yes. Memory is a help and no more: a store that fails never stops a run.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from langchain_core.messages import HumanMessage

from graphs.events import emit
from graphs.helping import helped, why
from graphs.judging import is_trusted_thread
from graphs.memories import Memories
from graphs.parts import Parts
from graphs.prompting import shots
from graphs.recall import told
from graphs.state import State, current_run
from graphs.writing import Writer
from nexus.core.action import Call, ThreadId
from nexus.core.lasting import holds_credential, is_grounded, kind_of, may_last, said_to_remember
from nexus.core.memory import LONGEST, Author, Kind, Memory
from nexus.errors import InvalidInput
from nexus.ports.model import ChatMessage

MOST = 2
"""Memories that the model proposes for one run at most."""

PROPOSAL_TOKENS = 160

PROPOSAL_SECONDS = 60.0
"""How long the model may take for them: the person waits for what is done already."""

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
        async with asyncio.timeout(parts.memory_timeout):
            kept = await parts.memories.remember(text, kind=kind_of(text), thread=thread)
    except InvalidInput as error:
        return f"I cannot remember this: {error}", rest
    # What a vendor's store raises is not ours to foresee, and the person may ask for more than this.
    except Exception as error:  # noqa: BLE001
        return f"I could not remember this just now: {why(error)}", rest
    emit("remembered", memories=told([kept]), pending=False)
    return f"I will remember: {kept.text}", rest


async def propose(parts: Parts, write: Writer, state: State, thread: ThreadId) -> None:
    """Ask the model what of the person's own words is worth keeping, if anything may be; keep it.

    What it writes says no more than they did. In a thread that has read others' words it waits.
    """
    said = "\n".join(each.text for each in current_run(state["messages"]) if isinstance(each, HumanMessage))
    if parts.memories is None or said_to_remember(said) or not may_last(said):
        return
    prompt = [*shots("lasting"), ChatMessage("user", said)]
    proposed = await helped(
        write(prompt, _PROPOSAL, PROPOSAL_TOKENS),
        {"memories": []},
        within=PROPOSAL_SECONDS,
        without="nothing is proposed for memory",
    )
    for each in proposed["memories"]:
        if is_grounded(each["text"], said):
            await keep(parts, state, thread, Note(each["text"], each["kind"], "model"))


async def keep(parts: Parts, state: State, thread: ThreadId, note: Note, *, call: Call | None = None) -> None:
    """Write it down; as pending if others may have had a hand in it. A credential is the person's to keep."""
    if parts.memories is None or holds_credential(note.text):
        return
    kept = await helped(
        _kept(parts, parts.memories, note, state=state, thread=thread, call=call),
        None,
        within=parts.memory_timeout,
        without="nothing is remembered of this",
    )
    if kept is not None:
        emit("remembered", memories=told([kept]), pending=kept.is_pending)


async def _kept(
    parts: Parts, memories: Memories, note: Note, *, state: State, thread: ThreadId, call: Call | None
) -> Memory:
    return await memories.remember(
        note.text[:LONGEST],
        kind=note.kind,
        author=note.author,
        subject=note.subject,
        thread=thread,
        apps=frozenset({note.toolkit} - {""}),
        tool=note.tool,
        is_pending=not await is_trusted_thread(parts, state, thread, call=call),
    )
