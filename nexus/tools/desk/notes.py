"""The desk's notes: Markdown files in one folder, which any editor opens."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from nexus.errors import ArgumentsInvalid, NotFound
from nexus.ports.tools import ToolResult
from nexus.tools.desk.folder import Folder
from nexus.tools.desk.names import checked_name, slug_of
from nexus.tools.desk.shelf import listed
from nexus.tools.desk.text import (
    LONGEST_TEXT,
    best_matches,
    checked_line,
    checked_text,
    shown_line,
    shown_text,
)
from nexus.tools.local import tool

_PLACE = "notes"
_SUFFIX = ".md"
_EXCERPT = 200

Name = Annotated[str, Field(description="Name of the note, e.g. shopping-list")]


class Notes:
    """The notes in `notes`; a name is compared without case, spaces and the ending `.md`."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    @tool(title="List notes", hints=["readOnlyHint"])
    def list_notes(self) -> str:
        """List the names of all notes."""
        return "\n".join(self._names()) or "There are no notes yet."

    @tool(title="Read a note", hints=["readOnlyHint"])
    def read_note(self, name: Name) -> str:
        """Read the text of one note by its name."""
        return shown_text(self._text_of(self._find(name))) or "(the note is empty)"

    @tool(title="Search notes", hints=["readOnlyHint"])
    def search_notes(
        self, query: Annotated[str, Field(description="Words to look for, e.g. wifi password")]
    ) -> str:
        """Find notes by words in their name or text."""
        texts = [(name, self._text_of(name)) for name in self._names()]
        found = best_matches(checked_line("query", query), texts, lambda pair: f"{pair[0]} {pair[1]}")
        lines = [f"{name}: {_excerpt(query, text)}" for name, text in found]
        return "\n".join(lines) or f"No note mentions {query!r}."

    @tool(title="Write a note", hints=["createHint", "updateHint", "destructiveHint", "idempotentHint"])
    def write_note(
        self, name: Name, text: Annotated[str, Field(description="The whole text of the note, Markdown")]
    ) -> ToolResult:
        """Create a note, or replace the whole text of the note that has this name."""
        content = _content(text)
        with self._folder.changing():
            known = self._known_as(name)
            path = f"{_PLACE}/{known or checked_name('name', name, suffix=_SUFFIX)}{_SUFFIX}"
            if known is None:
                self._folder.create(path, content)
                return ToolResult(
                    f"Created the note {path[len(_PLACE) + 1 : -len(_SUFFIX)]}.", reference=path
                )
            if self._folder.read(path) != content:
                self._folder.keep_copy(path)
                self._folder.replace(path, content)
            return ToolResult(
                f"Replaced the text of the note {known}; the old text is in the trash.", reference=path
            )

    @tool(title="Add to a note", hints=["updateHint"])
    def add_to_note(
        self, name: Name, text: Annotated[str, Field(description="Text to add at the end, Markdown")]
    ) -> ToolResult:
        """Add text at the end of a note that exists."""
        added = _content(text)
        with self._folder.changing():
            known = self._find(name)
            path = f"{_PLACE}/{known}{_SUFFIX}"
            old = self._folder.read(path)
            if len(old) + len(added) > 4 * LONGEST_TEXT:
                raise ArgumentsInvalid(f"the note {known} is full.", field="name", remedy="Start a new note.")
            between = b"" if not old or old.endswith(b"\n") else b"\n"
            self._folder.replace(path, old + between + added)
        return ToolResult(f"Added to the note {known}.", reference=path)

    @tool(title="Delete a note", hints=["destructiveHint"])
    def delete_note(self, name: Name) -> str:
        """Delete a note; it goes to the trash folder."""
        with self._folder.changing():
            known = self._find(name)
            self._folder.discard(f"{_PLACE}/{known}{_SUFFIX}")
        return f"Deleted the note {known}."

    def add_if_missing(self, name: str, text: str) -> None:
        """Create a note unless one has that name or had it."""
        path = f"{_PLACE}/{name}{_SUFFIX}"
        with self._folder.changing():
            if name not in self._names() and not self._folder.names(f"trash/{_PLACE}", f"{name}{_SUFFIX}"):
                self._folder.create(path, _content(text))

    def add_new(self, name: str, text: str) -> str:
        """Create a note under that name, or the first free one like it; gives the name."""
        content = _content(text)
        with self._folder.changing():
            known, free, number = self._names(), name, 1
            while free in known:
                number += 1
                free = f"{name}-{number}"
            self._folder.create(f"{_PLACE}/{free}{_SUFFIX}", content)
        return free

    def _names(self) -> list[str]:
        return [path[len(_PLACE) + 1 : -len(_SUFFIX)] for path in self._folder.names(_PLACE, _SUFFIX)]

    def _text_of(self, name: str) -> str:
        return self._folder.read(f"{_PLACE}/{name}{_SUFFIX}").decode(errors="replace")

    def _find(self, name: str) -> str:
        known = self._known_as(name)
        if known is None:
            names = self._names()
            there = f"the notes are {listed(names)}" if names else "there are no notes yet"
            raise NotFound(f"no note is called {name[:80]!r}; {there}.")
        return known

    def _known_as(self, name: str) -> str | None:
        """The name of the note that is there and meant by `name`."""
        wanted = checked_name("name", name, suffix=_SUFFIX)
        names = self._names()
        found = [known for known in names if "/".join(map(slug_of, known.split("/"))) == wanted]
        exact = name.strip().removesuffix(_SUFFIX)
        if len(found) > 1 and exact not in found:
            raise ArgumentsInvalid(f"{name!r} could be {' or '.join(found)}", field="name")
        return exact if exact in found else next(iter(found), None)


def _content(text: str) -> bytes:
    plain = checked_text("text", text)
    return (plain if plain.endswith("\n") else f"{plain}\n").encode()


def _excerpt(query: str, text: str) -> str:
    """The lines from the best match on, as one: what was looked for often stands beside the words."""
    lines = [line for line in text.splitlines() if line.strip()]
    best = best_matches(query, lines, str)
    line = shown_line(" / ".join(lines[lines.index(best[0]) :] if best else lines))
    return line if len(line) <= _EXCERPT else f"{line[:_EXCERPT]}…"
