"""The demo as it runs: the tasks one after the other, and the finished work at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nexus.cli.conversation import can_ask, converse, decider_for
from nexus.cli.deciding import Decider
from nexus.cli.demo_tasks import DemoTask, letter_in, titles_in
from nexus.cli.exits import DONE, FAILED
from nexus.cli.session import Session
from nexus.cli.watcher import Watcher
from nexus.cli.words import one_line
from nexus.core.approval import Approval
from nexus.core.decision import Approve, Decision, Reject
from nexus.core.display import visible
from nexus.core.tool import ToolSpec
from nexus.runtime.service import Service


@dataclass(slots=True)
class Ending:
    """How a task of the demo went."""

    task: DemoTask
    code: int
    files: list[Path] = field(default_factory=list[Path])

    @property
    def is_done(self) -> bool:
        """True if the run ended well and the desk shows the work."""
        return self.code == DONE and self.task.is_done(self.files)


@dataclass(frozen=True, slots=True)
class PlayedPerson:
    """A `Decider` for the demo without a terminal: says yes, and says that it does."""

    watcher: Watcher

    async def __call__(self, approval: Approval, spec: ToolSpec | None) -> Decision:  # noqa: ARG002 - a `Decider`
        """Approve an action; give up on a call that got lost, because only a real person can look."""
        if approval.question == "outcome":
            self.watcher.note("[demo] Nobody can look whether it happened: giving up on it.", tone="warn")
            return Reject()
        self.watcher.note("[demo] Playing the person at the terminal: approve.", tone="warn")
        return Approve()


async def perform(service: Service, session: Session, tasks: Sequence[DemoTask]) -> int:
    """Do the tasks, then show what they left on the desk; the exit code."""
    decider = _decider(service, session)
    desk = service.settings.desk
    endings: list[Ending] = []
    for number, task in enumerate(tasks, 1):
        session.watcher.note(
            f"\nTask {number} of {len(tasks)}: {one_line(task.request, limit=400)}", tone="strong"
        )
        before = _state_of(desk)
        code = await _run(service, session, task, decider)
        endings.append(Ending(task, code, _changed(desk, before)))
    return _show(session.watcher, endings, desk)


def _decider(service: Service, session: Session) -> Decider:
    if can_ask(session):
        session.watcher.note("It will ask you before it does anything that is not known to be read-only.")
        return decider_for(service, session)
    session.watcher.note(
        "There is no terminal to ask you at, so this demo plays the person: it approves what is asked."
        " Outside of the demo nothing is ever approved for you.",
        tone="warn",
    )
    return PlayedPerson(session.watcher)


async def _run(service: Service, session: Session, task: DemoTask, decider: Decider) -> int:
    thread = await service.runner.create_thread()
    session.open(thread.id)
    return await converse(service, session, service.runner.run(thread.id, task.request), decider)


def _show(watcher: Watcher, endings: Sequence[Ending], desk: Path) -> int:
    """The finished work, and what is not finished; the exit code."""
    watcher.note("\nFinished work:", tone="strong")
    for ending in endings:
        for file in ending.files:
            watcher.note(f"  {file.relative_to(desk.parent)}", tone="good")
            for line in _contents(file):
                watcher.note(f"    {line}", tone="plain")
    undone = [ending for ending in endings if not ending.is_done]
    for ending in undone:
        watcher.note(f"Not done: {one_line(ending.task.request)} ({_why(ending)})", tone="bad")
    if not undone:
        watcher.note(f"All done. Everything is an ordinary file; look around in {desk}.", tone="good")
        return DONE
    return next((ending.code for ending in undone if ending.code != DONE), FAILED)


def _why(ending: Ending) -> str:
    if ending.code != DONE:
        return f"the run ended with {ending.code}"
    return "the desk does not show it" if ending.files else "nothing was made"


def _contents(file: Path) -> list[str]:
    """What is in a file, as a person would read it."""
    match file.suffix:
        case ".eml":
            letter = letter_in(file)
            headers = [f"{name}: {one_line(str(value), limit=400)}" for name, value in letter.items()]
            return [*headers, "", *visible(str(letter.get_content())).splitlines()]
        case ".ics":
            return [one_line(title, limit=400) for title in titles_in(file)]
        case _:
            return visible(file.read_text(encoding="utf-8", errors="replace"), limit=400).splitlines()


def _state_of(desk: Path) -> dict[Path, int]:
    """Every file of the desk that a person would look at, and when it was changed."""
    files = (file for file in sorted(desk.rglob("*")) if file.is_file() and not file.is_symlink())
    return {file: file.stat().st_mtime_ns for file in files if not file.name.startswith(".")}


def _changed(desk: Path, before: dict[Path, int]) -> list[Path]:
    return [file for file, changed in _state_of(desk).items() if before.get(file) != changed]
