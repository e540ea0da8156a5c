"""What a call that was done shows of the person who decided on it: what they changed, what is usual."""

from __future__ import annotations

from collections.abc import Sequence

from graphs.helping import helped
from graphs.judging import is_trusted_thread
from graphs.parts import Parts
from graphs.remembering import Note, keep
from graphs.state import State
from nexus.core.action import ApprovalId, Call, ThreadId, proposal_in
from nexus.core.approval import Approval, who_acts
from nexus.core.lasting import changes, endings, usual
from nexus.core.words import brief
from nexus.errors import NotFound

_REQUEST = 120  # characters of a request that a learned procedure repeats


async def learn(parts: Parts, state: State, call: Call, thread: ThreadId) -> None:
    """Keep what an approved call shows that was just done. Called before experience notes the call.

    Nothing of a call on which anybody else decided: it would be their words in this user's memory.
    """
    if parts.memories is None:
        return
    await helped(
        _learned(parts, state, call, thread),
        None,
        within=parts.memory_timeout,
        without=f"nothing is learned from {call.key}",
    )


async def _learned(parts: Parts, state: State, call: Call, thread: ThreadId) -> None:
    asked = await _asked(parts, call.key)
    if not _is_own(parts, asked):
        return
    for note in [*_of_edits(parts, state, asked, call), *await _of_habit(parts, state, call, thread)]:
        await keep(parts, state, thread, note, call=call)


def _of_edits(parts: Parts, state: State, asked: Sequence[Approval], call: Call) -> list[Note]:
    """What the person's changes to the proposal show: a value for requests like this, how a text ends."""
    proposed = next((each.call for each in asked if each.state == "edited"), call)
    request, tool = brief(state.get("goal", ""), _REQUEST), call.tool
    title, toolkit = _named(parts, tool)
    notes: list[Note] = []
    for name, text in endings(proposed.arguments, call.arguments).items():
        said, subject = f'End the {name} with "{text}" ({title})', f"{tool} {name} ends"
        notes.append(Note(said, "preference", "edit", subject, tool, toolkit))
    if found := changes(proposed.arguments, call.arguments):
        values = ", ".join(f"{name} {value}" for name, value in found.items())
        said, subject = f'For "{request}": {title} with {values}', f"{tool} for {request.casefold()}"
        notes.append(Note(said, "procedure", "edit", subject, tool, toolkit))
    return notes


async def _of_habit(parts: Parts, state: State, call: Call, thread: ThreadId) -> list[Note]:
    """The settings that a person approved twice in a row for a tool, and that worked.

    In a thread that has read others' words there are none: nobody could tell whose values they are.
    """
    past = await parts.experience.last_call(parts.user, call.tool) if parts.experience is not None else None
    if past is None or not await is_trusted_thread(parts, state, thread, call=call):
        return []
    if not _is_own(parts, await _asked(parts, past.key)):
        return []
    try:
        parameters = parts.tools.get(call.tool).parameters
    except NotFound:
        return []
    title, toolkit = _named(parts, call.tool)
    values = [
        f"{name} is usually {value}"
        for name, value in usual(call.arguments, past.arguments, parameters).items()
    ]
    said = f"{title}: {', '.join(values)}"
    return [Note(said, "procedure", "call", f"{call.tool} usual", call.tool, toolkit)] if values else []


async def _asked(parts: Parts, key: str) -> list[Approval]:
    """What people were asked about the call of that key so far: first as proposed, then as edited."""
    last, _, attempt = key.rpartition(".")
    found: list[Approval] = []
    for name in dict.fromkeys((proposal_in(key), last)):
        for number in range(1, int(attempt) + 1):
            approval_id = ApprovalId(f"{name}-{number}")
            try:
                approval = await parts.approvals.get(approval_id)
            except NotFound:
                continue
            found += [approval] if approval.id == approval_id else []
    return found


def _is_own(parts: Parts, asked: Sequence[Approval]) -> bool:
    """True if somebody was asked, and nobody but the user has answered."""
    answered = [who_acts(each.decided_by, parts.user) for each in asked if each.decided_by]
    voted = [vote.approver for each in asked for vote in each.votes]
    return bool(answered) and set(answered + voted) == {parts.user}


def _named(parts: Parts, tool: str) -> tuple[str, str]:
    """A tool's title and toolkit; its name if it is gone."""
    try:
        spec = parts.tools.get(tool)
    except NotFound:
        return tool, ""
    return spec.title, spec.toolkit
