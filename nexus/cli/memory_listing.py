"""Memories, for a person and for a program."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast, get_args

from graphs.memories import Memories, parsed
from nexus.cli.watcher import JsonLines, Watcher
from nexus.cli.words import one_line
from nexus.core.memory import Kind, Memory, MemoryId, to_json
from nexus.errors import InvalidInput, NotFound
from nexus.ports.memory import Found, Which

_ALL = 1_000_000
_COLUMNS = ["memory", "kind", "text", "from", "changed"]


def kind_of(kind: str | None) -> Kind | None:
    """The kind of that name. Raises InvalidInput."""
    if kind is not None and kind not in get_args(Kind):
        raise InvalidInput(
            f"there is no kind {kind[:80]!r}", field="--kind", remedy=f"Use: {', '.join(get_args(Kind))}."
        )
    return cast("Kind | None", kind)


def which_of(kind: str | None, app: str | None, *, pending: bool = False) -> Which:
    """The memories that a command is about."""
    checked = kind_of(kind)
    return Which(
        kinds=frozenset({checked}) if checked else None,
        apps=frozenset({app}) if app else None,
        is_pending=True if pending else None,
    )


def show_memories(watcher: Watcher, memories: Sequence[Memory]) -> None:
    """The memories, one a line."""
    entries = [(to_json(each), _cells(each)) for each in memories]
    watcher.table(_COLUMNS, entries, nothing="Nothing is remembered.")


def show_found(watcher: Watcher, found: Sequence[Found]) -> None:
    """What a search found, with how close it is."""
    entries = [
        ({"score": each.score, **to_json(each.memory)}, [f"{each.score:.2f}", *_cells(each.memory)])
        for each in found
    ]
    watcher.table(["score", *_COLUMNS], entries, nothing="Nothing is remembered about that.")


async def forgotten(
    memories: Memories, watcher: Watcher, ids: Sequence[MemoryId], *, everything: bool
) -> None:
    """Delete them and say how many there were. Raises InvalidInput, NotFound: nothing is meant."""
    if everything == bool(ids):
        raise InvalidInput("say which, or --all", field="ID")
    meant = [each.id for each in await memories.store.list(limit=_ALL)] if everything else ids
    count = await memories.forget(meant)
    if not count and not everything:
        raise NotFound("There is no such memory.", remedy="`nexus memory list` shows what there is.")
    if isinstance(watcher, JsonLines):
        watcher.event({"forgotten": count})
    watcher.note(f"Forgot {count}.")


async def exported(memories: Memories, watcher: Watcher, file: Path | None) -> None:
    """Write all to a new file that only its owner may read, or print them."""
    found = [to_json(each) for each in await memories.store.list(limit=_ALL)]
    if file is None:
        for each in found:
            watcher.event(each)
        return
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise InvalidInput(f"{file} is there already", field="FILE", remedy="Name a new one.") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(each, ensure_ascii=False) + "\n" for each in found)
    watcher.note(f"Wrote {len(found)} to {file}.")


async def imported(memories: Memories, watcher: Watcher, lines: Sequence[str]) -> None:
    """Take in what an export wrote. Raises InvalidInput: names the line that is none."""
    values: list[Any] = []
    for number, line in enumerate(lines, start=1):
        try:
            values += [json.loads(line)] if line.strip() else []
        except ValueError as error:
            raise InvalidInput(f"line {number} is no JSON ({error})", field="FILE") from error
    taken = parsed(values)
    count = await memories.restore(taken, lambda done: watcher.working(f"{done} of {len(taken)}"))
    watcher.working(None)
    if isinstance(watcher, JsonLines):
        watcher.event({"imported": count})
    watcher.note(f"Took in {count}.")


def _cells(memory: Memory) -> list[str]:
    whose = "waits for your yes" if memory.is_pending else memory.author
    changed = f"{memory.updated_at.astimezone():%Y-%m-%d %H:%M}"
    return [memory.id, memory.kind, one_line(memory.text), whose, changed]
