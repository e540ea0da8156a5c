"""The person at the terminal answers, with arrow keys."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

import questionary
from prompt_toolkit.styles import Style

from nexus.cli.editing import as_text, fields, from_text, is_plain_text, schema_of
from nexus.cli.session import Stopped
from nexus.cli.watcher import Watcher
from nexus.cli.words import WHOLE, is_cut, one_line, rows
from nexus.core.approval import Approval, Question
from nexus.core.arguments import check_arguments
from nexus.core.decision import Approve, Decision, Edit, Reject, Respond
from nexus.core.origin import origins_after_edit
from nexus.core.tool import ToolSpec
from nexus.errors import ArgumentsInvalid
from nexus.ports.clock import Clock

_STYLE = Style([("qmark", "fg:ansiyellow"), ("pointer", "fg:ansiyellow bold"), ("highlighted", "bold")])

_ACTION = {
    "approve": "Approve: do exactly this",
    "edit": "Edit the arguments",
    "reject": "Reject, with a reason",
    "respond": "Answer instead of doing it",
    "comment": "Approve, with a comment for the record",
}

_CONNECT = {
    "connect": "Connect it now",
    "approve": "It is connected: go on",
    "reject": "I will not, with a reason",
    "respond": "Answer instead of doing it",
}

_OUTCOME = {
    "respond": "It happened",
    "approve": "It did not happen: try once more",
    "reject": "Give up: leave it unknown",
}

_WORDS: Mapping[Question, Mapping[str, str]] = {
    "action": _ACTION,
    "outcome": _OUTCOME,
    "connect": _CONNECT,
}

_LATER = "later"
_SHOW = "show"


class Person:
    """A `Decider` that asks whoever sits at the terminal; `connect` lets them connect an app there."""

    def __init__(self, watcher: Watcher, clock: Clock, connect: Callable[[str], Awaitable[bool]]) -> None:
        self._watcher = watcher
        self._clock = clock
        self._connect = connect

    async def __call__(self, approval: Approval, spec: ToolSpec | None) -> Decision | None:
        """The person's decision; None for later."""
        while True:
            choice = await choose("What shall happen?", self._choices(approval, spec))
            match choice:
                case "later":
                    return None
                case "show":
                    self._show_whole(approval)
                case _:
                    decision = await self._decision(choice, approval, spec)
                    if decision is not None:
                        return decision

    def _choices(self, approval: Approval, spec: ToolSpec | None) -> dict[str, str]:
        words = dict(_WORDS[approval.question])
        if spec is None:
            words.pop("edit", None)  # nothing says what would be valid
        if is_cut(approval.call.arguments):
            words[_SHOW] = "Show the long values in full"
        return words | {_LATER: "Decide later"}

    def _show_whole(self, approval: Approval) -> None:
        for row in rows(approval.call.arguments, approval.origins, limit=WHOLE):
            self._watcher.note(f"{one_line(row.name)}: {row.value}", tone="plain")

    async def _decision(self, choice: str, approval: Approval, spec: ToolSpec | None) -> Decision | None:
        is_outcome = approval.question == "outcome"
        match choice:
            case "connect":
                return Approve() if await self._connect(approval.toolkit or "") else None
            case "approve":
                return Approve()
            case "comment":
                return Approve(comment=await _comment())
            case "edit" if spec is not None:
                return await self._edit(approval, spec)
            case "respond":
                text = "It happened." if is_outcome else ""
                return Respond(await write("What shall the model be told?", text, check=_not_empty))
            case _:
                ask = "" if is_outcome else await write("Why not? The model is told; empty just stops.", "")
                return Reject(ask.strip())

    async def _edit(self, approval: Approval, spec: ToolSpec) -> Decision | None:
        """Change arguments until the person approves the changed call, or goes back."""
        arguments = dict(approval.call.arguments)
        while True:
            choice = await choose("Change which argument?", _edit_choices(spec, arguments))
            match choice:
                case "/done":
                    choice = await self._confirmed(approval, spec, arguments)
                    if choice != "/back":
                        return Edit(arguments, comment=await _comment() if choice == "comment" else "")
                case "/back":
                    return None
                case _:
                    await self._change(spec, arguments, choice.removeprefix("="))

    async def _change(self, spec: ToolSpec, arguments: dict[str, Any], name: str) -> None:
        """Let one argument be written anew; an optional one that is left empty is left out."""
        schema, value = schema_of(spec.parameters, name), arguments.get(name)
        if "enum" in schema or schema.get("type") == "boolean":
            arguments[name] = await _pick(name, schema, value)
            return
        plain = is_plain_text(value, schema)
        optional = name not in spec.parameters.get("required", ())

        def check(text: str) -> bool | str:
            if optional and not text:
                return True
            return _problem(spec, arguments, name, text, plain=plain)

        told = f"New {name}:" if plain else f"New {name} (as JSON):"
        text = await write(told, as_text(value, schema), check=check)
        if optional and not text:
            arguments.pop(name, None)
        else:
            arguments[name] = from_text(name, text, plain=plain)

    async def _confirmed(self, approval: Approval, spec: ToolSpec, arguments: dict[str, Any]) -> str:
        """Show the changed call as it would run; what the person says to it."""
        try:
            check_arguments(spec, arguments)
        except ArgumentsInvalid as error:
            self._watcher.note(str(error), tone="bad")
            return "/back"
        origins = origins_after_edit(approval.call.arguments, approval.origins, arguments)
        changed = replace(approval, call=approval.call.edited(arguments), origins=origins)
        self._watcher.asks(changed, spec, now=self._clock.now())
        words = {
            "approve": "Approve the changed call: do exactly this",
            "/back": "Change more",
            "comment": "Approve it, with a comment for the record",
        }
        return await choose("And now?", words)


async def choose(question: str, choices: Mapping[str, str]) -> str:
    """The key of the choice that the person picked. What was typed before the question does not count."""
    _forget_typed_ahead()
    options = [questionary.Choice(title=words, value=key) for key, words in choices.items()]
    return await _answer(
        questionary.select(question, options, qmark="?", style=_STYLE, instruction="(arrow keys, then Enter)")
    )


async def write(question: str, text: str, *, check: Callable[[str], bool | str] = lambda _: True) -> str:
    """A text from the person, starting from `text`; `check` says True or what is wrong."""
    lines = "\n" in text
    told = f"{question} (Esc then Enter ends)" if lines else question
    return await _answer(
        questionary.text(told, default=text, validate=check, multiline=lines, qmark="?", style=_STYLE)
    )


async def _comment() -> str:
    return (await write("Comment (for people; the model is not told):", "", check=_not_empty)).strip()


async def write_hidden(question: str, *, hidden: bool) -> str:
    """A text from the person that is not empty; a hidden one is shown as stars."""
    ask = questionary.password if hidden else questionary.text
    return await _answer(ask(question, validate=_not_empty, qmark="?", style=_STYLE))


async def _answer(question: questionary.Question) -> str:
    try:
        return cast("str", await question.unsafe_ask_async())
    except (KeyboardInterrupt, EOFError):
        raise Stopped from None


async def _pick(name: str, schema: Mapping[str, Any], value: Any) -> Any:
    """One of the values that the schema lists; the present one first."""
    allowed: Sequence[Any] = schema.get("enum", (True, False))
    ordered = sorted(allowed, key=lambda option: option != value)
    words = {str(number): one_line(str(option)) for number, option in enumerate(ordered)}
    return ordered[int(await choose(f"{name}:", words))]


def _edit_choices(spec: ToolSpec, arguments: Mapping[str, Any]) -> dict[str, str]:
    """The arguments with their values; the keys cannot be taken for the two commands."""
    words = {
        f"={name}": f"{name}: {one_line(str(arguments[name]), limit=60)}"
        if name in arguments
        else f"{name} (not set)"
        for name in fields(spec.parameters, arguments)
    }
    return {**words, "/done": "Done: show the changed call", "/back": "Back: leave it as it was"}


def _problem(
    spec: ToolSpec, arguments: Mapping[str, Any], name: str, text: str, *, plain: bool
) -> bool | str:
    """True if the argument may be what was written, else what is wrong with it."""
    try:
        check_arguments(spec, {**arguments, name: from_text(name, text, plain=plain)})
    except ArgumentsInvalid as error:
        return str(error) if error.field and error.field.split(".")[0] == name else True
    return True


def _not_empty(text: str) -> bool | str:
    return bool(text.strip()) or "Write something, or press Ctrl-C."


def _forget_typed_ahead() -> None:
    """Throw away keys pressed before the question was there: an Enter meant for something else is no yes."""
    try:
        import termios
    except ImportError:  # Windows; its console has no such queue to empty
        return
    with suppress(termios.error, OSError):
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
