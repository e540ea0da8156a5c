"""`nexus audit`: what happened, and whether somebody changed the record of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nexus.cli.entry import JsonFlag, audit_of

if TYPE_CHECKING:
    from nexus.core.audit import AuditCheck, AuditEvent, Head
    from nexus.ports.audit import AuditLog

audit = typer.Typer(help="See what happened, and whether its record was changed.", no_args_is_help=True)

_PAGE = 500  # events that are read at a time


@audit.command("list")
def list_(
    context: typer.Context,
    *,
    after: Annotated[int, typer.Option(min=0, help="Only events behind this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most this many.")] = 100,
    thread: Annotated[str | None, typer.Option(metavar="ID", help="Only this thread's.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """List events of all users in order: proposals, verdicts, decisions, claims, outcomes, ends of runs."""
    from nexus.cli.exits import DONE
    from nexus.cli.session import Session, carry_out

    async def work(session: Session) -> int:
        async with audit_of(context) as log:
            found: list[AuditEvent] = []
            async for event in _events(log, after):
                if thread is None or event.thread == thread:
                    found.append(event)
                if len(found) == limit:
                    break
        entries = [(event.facts, _cells(event)) for event in found]
        columns = ["#", "when", "user", "what", "about", "more"]
        session.watcher.table(columns, entries, nothing="Nothing has happened yet.")
        return DONE

    carry_out(work, as_json=as_json)


@audit.command()
def export(context: typer.Context) -> None:
    """Print every event as JSON, one a line, with its hash and that of the one before it."""
    from nexus.cli.exits import DONE
    from nexus.cli.session import Session, carry_out

    async def work(session: Session) -> int:
        async with audit_of(context) as log:
            async for event in _events(log, 0):
                session.watcher.event(event.facts)
        return DONE

    carry_out(work, as_json=True)


@audit.command()
def verify(
    context: typer.Context,
    *,
    expect: Annotated[
        str | None,
        typer.Option(metavar="NUMBER:HASH", help="The end as it was printed once and kept elsewhere."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Find out whether any event was changed, taken out or put in, and print where the log ends.

    Keep that end somewhere else: with it, `--expect` also finds out whether the whole log was written anew.
    """
    from nexus.cli.exits import DONE, FAILED
    from nexus.cli.session import Session, carry_out

    async def work(session: Session) -> int:
        expected = _head(expect) if expect else None
        async with audit_of(context) as log:
            check = await log.verify(expected=expected)
        _tell(session.watcher, check)
        return FAILED if check.problem else DONE

    carry_out(work, as_json=as_json)


async def _events(log: AuditLog, after: int) -> AsyncIterator[AuditEvent]:
    """Every event behind a number, a page at a time."""
    while page := await log.after(after, limit=_PAGE):
        for event in page:
            yield event
        after = page[-1].number


def _head(text: str) -> Head:
    from nexus.errors import InvalidInput

    number, _, digest = text.partition(":")
    if not number.isdecimal() or not digest:
        raise InvalidInput(
            f"{text[:80]!r} is no NUMBER:HASH", field="--expect", remedy="Take what `verify` printed."
        )
    return int(number), digest


def _tell(watcher: Any, check: AuditCheck) -> None:
    head = f"{check.head[0]}:{check.head[1]}" if check.head else None
    facts = {"events": check.events, "head": head, "problem": check.problem}
    if check.problem:
        cells = [
            "CHANGED",
            f"{check.problem}; the {check.events} before are as they were written",
            head or "",
        ]
    else:
        cells = ["whole", f"{check.events} events are as they were written", head or ""]
    watcher.table(["the log is", "because", "its end"], [(facts, cells)], nothing="")


def _cells(event: AuditEvent) -> list[str]:
    from nexus.cli.words import one_line

    about = event.data.get("tool") or event.thread or ""
    shown = (
        "verdict",
        "state",
        "outcome",
        "by",
        "through",
        "reminder",
        "reason",
        "message",
        "comment",
        "ending",
        "error",
        "said",
    )
    more = ", ".join(f"{name}: {event.data[name]}" for name in shown if event.data.get(name))
    return [
        str(event.number),
        event.at.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
        event.user,
        event.kind,
        one_line(str(about), limit=60),
        one_line(more, limit=200),
    ]
