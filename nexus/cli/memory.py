"""`nexus memory`: what Nexus remembers for you, and full control of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nexus.cli.entry import JsonFlag, memories_of

if TYPE_CHECKING:
    from graphs.memories import Memories
    from nexus.cli.watcher import Watcher
    from nexus.core.memory import MemoryId

memory = typer.Typer(
    help="See, correct and delete what Nexus remembers of what you told or showed it.", no_args_is_help=True
)

Id = Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")]
Text = Annotated[str, typer.Argument(metavar="TEXT", help="One sentence, as you would say it.")]
KindOption = Annotated[str | None, typer.Option(metavar="KIND", help="preference, fact or procedure.")]
AppOption = Annotated[str | None, typer.Option(metavar="APP", help="Only what matters for this app.")]
PendingFlag = Annotated[bool, typer.Option("--pending", help="Only what waits for your yes.")]


@memory.command("list")
def list_(
    context: typer.Context,
    *,
    kind: KindOption = None,
    app: AppOption = None,
    pending: PendingFlag = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most this many.")] = 100,
    as_json: JsonFlag = False,
) -> None:
    """List what is remembered, the last changed first."""
    from nexus.cli.memory_listing import show_memories, which_of

    async def work(memories: Memories, watcher: Watcher) -> None:
        show_memories(watcher, await memories.store.list(which_of(kind, app, pending=pending), limit=limit))

    _carry_out(context, work, as_json=as_json)


@memory.command()
def search(
    context: typer.Context,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What it should be about.")],
    *,
    kind: KindOption = None,
    app: AppOption = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most this many.")] = 10,
    as_json: JsonFlag = False,
) -> None:
    """Find memories by their meaning, the closest first."""
    from nexus.cli.memory_listing import show_found, which_of

    async def work(memories: Memories, watcher: Watcher) -> None:
        show_found(watcher, await memories.find(text, which=which_of(kind, app), limit=limit))

    _carry_out(context, work, as_json=as_json)


@memory.command()
def add(
    context: typer.Context,
    text: Text,
    *,
    kind: KindOption = None,
    app: Annotated[
        list[str] | None, typer.Option(metavar="APP", help="It matters for this app; may be repeated.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Remember something; what it contradicts is replaced, with history."""
    from nexus.cli.memory_listing import kind_of, show_memories

    async def work(memories: Memories, watcher: Watcher) -> None:
        kept = await memories.remember(text, kind=kind_of(kind) or "fact", apps=frozenset(app or ()))
        show_memories(watcher, [kept])

    _carry_out(context, work, as_json=as_json)


@memory.command()
def edit(
    context: typer.Context, memory_id: Id, text: Text, *, kind: KindOption = None, as_json: JsonFlag = False
) -> None:
    """Change what a memory says; what it said before goes into its history."""
    from nexus.cli.memory_listing import kind_of, show_memories

    async def work(memories: Memories, watcher: Watcher) -> None:
        show_memories(watcher, [await memories.edit(_id(memory_id), text, kind=kind_of(kind))])

    _carry_out(context, work, as_json=as_json)


@memory.command()
def accept(context: typer.Context, memory_id: Id, *, as_json: JsonFlag = False) -> None:
    """Say yes to a memory that waits for it; `forget` says no."""
    from nexus.cli.memory_listing import show_memories

    async def work(memories: Memories, watcher: Watcher) -> None:
        show_memories(watcher, [await memories.accept(_id(memory_id))])

    _carry_out(context, work, as_json=as_json)


@memory.command()
def forget(
    context: typer.Context,
    memory_ids: Annotated[list[str] | None, typer.Argument(metavar="ID...", help="Which.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Everything that is remembered.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Delete memories for good, with vector and history: no file of the store holds them any more.

    What threads quoted of them is theirs, and goes when they are deleted.
    """
    from nexus.cli.memory_listing import forgotten

    async def work(memories: Memories, watcher: Watcher) -> None:
        await forgotten(memories, watcher, [_id(each) for each in memory_ids or ()], everything=everything)

    _carry_out(context, work, as_json=as_json)


@memory.command("export")
def export_(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Where to; else printed.")] = None,
) -> None:
    """Write everything as JSON, one memory a line, in clear."""
    from nexus.cli.memory_listing import exported

    async def work(memories: Memories, watcher: Watcher) -> None:
        await exported(memories, watcher, file)

    _carry_out(context, work, as_json=file is None)


@memory.command("import")
def import_(
    context: typer.Context,
    file: Annotated[typer.FileText, typer.Argument(metavar="FILE", help="What `export` wrote; - for stdin.")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """Take exported memories in; one of the same id is replaced. Nothing, if a line cannot be used."""
    from nexus.cli.memory_listing import imported

    async def work(memories: Memories, watcher: Watcher) -> None:
        await imported(memories, watcher, file.read().splitlines())

    _carry_out(context, work, as_json=as_json)


def _id(memory_id: str) -> MemoryId:
    from nexus.core.memory import MemoryId

    return MemoryId(memory_id)


def _carry_out(
    context: typer.Context, work: Callable[[Memories, Watcher], Awaitable[None]], *, as_json: bool
) -> None:
    from nexus.cli.exits import DONE
    from nexus.cli.session import Session, carry_out

    async def opened(session: Session) -> int:
        async with memories_of(context) as memories:
            await work(memories, session.watcher)
        return DONE

    carry_out(opened, as_json=as_json)
