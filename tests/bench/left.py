"""Is a tool still needed? P(yes) for tools that are and that are not, once something was done for a request.

Run it with `python -m tests.bench.left`. The requests are those of `tests/model/desk_tasks.py` for which more
than one thing can be done, and some for apps; what was done for each stands here.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from graphs.left import LEFT
from graphs.prompting import shots, tool_line
from nexus.ports.model import ChatMessage
from nexus.settings import default_models_dir
from tests.bench.apps import WEIGHTS
from tests.bench.desk_systems import CheckedModel, MeteredEngine
from tests.model.desk_tasks import DESK_TASKS, lay_desk

OTHERS = ("send_email", "add_task", "create_event", "draft_email", "add_contact")
"""What else could be done on the desk, and was not asked for unless it was done."""

Done = tuple[str, str]  # a tool of the desk, and its values

DESK: Mapping[str, Sequence[Done]] = {
    "event-and-mail": (
        ("create_event", "Release, 2026-11-30T17:00"),
        ("send_email", "team@example.com, Release, Release is on Monday at 5pm"),
    ),
    "lunch-later": (
        ("move_event", "event-3, 2026-12-02T13:00"),
        ("send_email", "maria.silva@example.com, Lunch, Our lunch moved to Wednesday 2 December at 1pm"),
    ),
    "offsite-booked": (("complete_task", "task-4"), ("create_event", "Offsite, 2026-12-10T09:00")),
    "planning-earlier": (
        ("move_event", "event-5, 2026-11-27T09:00"),
        ("send_email", "team@example.com, Planning, Planning starts at 9:00 on Friday"),
    ),
    "interview-off": (
        ("delete_event", "event-2"),
        ("send_email", "priya.nair@example.com, Interview, Today's interview is cancelled"),
    ),
    "lena-workshop": (
        ("add_contact", "Lena Fischer, lena.fischer@example.org"),
        ("create_event", "Workshop with Lena, 2026-12-04T10:00"),
        ("send_email", "lena.fischer@example.org, Workshop, The workshop is on Friday 4 December at 10am"),
    ),
    "projector": (
        ("send_email", "tom.becker@example.com, Projector, I will bring the projector"),
        ("add_task", "pack the projector"),
    ),
    "wifi-guests": (
        ("write_note", "guests, network: Guest, password: tulip"),
        ("send_email", "tom.becker@example.com, Guest wifi, network: Guest, password: tulip"),
    ),
    "omar-lunch": (
        ("add_contact", "Omar Haddad, omar.haddad@example.org"),
        ("create_event", "Lunch with Omar, 2026-12-04T12:30"),
        ("add_task", "book a table"),
        ("send_email", "omar.haddad@example.org, Lunch, Friday 4 December at 12:30"),
    ),
    "shopping-handover": (
        ("send_email", "maria.silva@example.com, Shopping list, milk, eggs, bread"),
        ("delete_note", "shopping"),
    ),
    "mail-review-moved": (("send_email", "design@example.com, Review, The review moved to Friday 3pm"),),
    "task-tickets": (("add_task", "buy train tickets, 2026-11-27"),),
    "event-lunch": (("create_event", "Lunch with Ben, 2026-11-27T12:30"),),
    "drop-plants": (("delete_task", "task-3"),),
    "tom-phone": (("update_contact", "Tom Becker, +49 30 0000 222"),),
    "move-review": (("move_event", "event-4, 2026-11-27T15:00"),),
    "priya-draft": (("draft_email", "priya.nair@example.com, I agree with all of them"),),
}

_ISSUE = "GITHUB_CREATE_AN_ISSUE(acme, web, Login loops)"
_CLOSED = "GITHUB_UPDATE_AN_ISSUE(acme, web, 3, closed)"
_MAIL = "GMAIL_SEND_EMAIL(triage@example.com, Bug report, Login loops)"
_COMMENT = "GITHUB_CREATE_AN_ISSUE_COMMENT(owner, repo, issue_number, body): Comment on an issue."
_POST = "SLACK_SEND_MESSAGE(channel, text): Post a message into a channel."
_SUMMARY = "Find the newest bug report in acme/web"


@dataclass(frozen=True, slots=True)
class Case:
    """A request, what was done for it, a tool as the shortlist shows it, and whether it is still needed."""

    request: str
    done: str
    tool: str
    is_needed: bool


APPS = (
    Case("Open an issue in acme/web titled 'Login loops'", _ISSUE, _COMMENT, is_needed=False),
    Case(
        "Open an issue in acme/web titled 'Login loops'",
        _ISSUE,
        "GITHUB_UPDATE_AN_ISSUE(owner, repo, issue_number, title?, state?): Change an issue.",
        is_needed=False,
    ),
    Case(
        "Open an issue in acme/web titled 'Login loops' and comment that Ana is on it",
        _ISSUE,
        _COMMENT,
        is_needed=True,
    ),
    Case(f"{_SUMMARY} and mail a summary to triage@example.com", _MAIL, _POST, is_needed=False),
    Case(
        f"{_SUMMARY}, mail a summary to triage@example.com and post it in #general",
        _MAIL,
        _POST,
        is_needed=True,
    ),
    Case("Close issue 3 in acme/web and thank the reporter", _CLOSED, _COMMENT, is_needed=True),
    Case("Close issue 3 in acme/web", _CLOSED, _COMMENT, is_needed=False),
    Case(
        "Post 'Lunch is at noon' to general in Slack",
        "SLACK_SEND_MESSAGE(C0GENERAL1, Lunch is at noon)",
        "SLACK_ADD_REACTION_TO_AN_ITEM(channel, timestamp, name): React to a message with an emoji.",
        is_needed=False,
    ),
)


async def desk_cases() -> list[Case]:
    """After each step the next one, which is needed; after the last one what was not asked for."""
    with tempfile.TemporaryDirectory() as folder:
        desk, _ = lay_desk(Path(folder) / "desk")
        lines = {spec.slug: tool_line(spec).removeprefix("- ") for spec in await desk.tools()}
    requests = {task.id: task.request for task in DESK_TASKS}
    return [case for task, steps in DESK.items() for case in _cases(requests[task], steps, lines)]


def _cases(request: str, steps: Sequence[Done], lines: Mapping[str, str]) -> Iterator[Case]:
    done = [f"desk_{tool}({values})" for tool, values in steps]
    for number in range(1, len(steps)):
        tool = lines[f"desk_{steps[number][0]}"]
        yield Case(request, "; ".join(done[:number]), tool, is_needed=True)
    for other in OTHERS:
        if other not in {tool for tool, _ in steps}:
            yield Case(request, "; ".join(done), lines[f"desk_{other}"], is_needed=False)


async def measure(weights: Path) -> None:
    """Print P(yes) of each case, the lowest first, and how well it tells the two kinds apart."""
    engine = MeteredEngine(weights)
    await engine.load()
    model = CheckedModel(engine, name=weights.name)
    found: list[tuple[float, Case]] = []
    for case in [*await desk_cases(), *APPS]:
        asked = f"Request: {case.request}\nDone: {case.done}\nTool: {case.tool}"
        sure = await model.probability_of_yes([*shots("left"), ChatMessage("user", asked)])
        assert sure is not None
        found.append((sure, case))
    await engine.close()
    for sure, case in sorted(found, key=lambda each: each[0]):
        print(
            f"{sure:.3f} {'needed' if case.is_needed else '      '} {case.tool[:36]:36} {case.request[:50]}"
        )
    needed = [sure for sure, case in found if case.is_needed]
    others = [sure for sure, case in found if not case.is_needed]
    pairs = [(a > b) + (a == b) / 2 for a in needed for b in others]
    kept, left_out = sum(sure >= LEFT for sure in needed), sum(sure < LEFT for sure in others)
    print(
        f"AUC {sum(pairs) / len(pairs):.3f}; at {LEFT}: {kept} of {len(needed)} needed ones are kept,",
        end=" ",
    )
    print(f"{left_out} of {len(others)} others not")


def main() -> None:
    """Read the command line, and measure."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.left", description=__doc__)
    parser.add_argument("--weights", type=Path, default=default_models_dir() / WEIGHTS)
    asyncio.run(measure(parser.parse_args().weights))


if __name__ == "__main__":
    main()
