"""Unknown outcomes, for a person and for a program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nexus.cli.exits import DONE
from nexus.cli.watcher import JsonLines, Watcher
from nexus.cli.words import WHOLE, call_in_words, one_line, rows
from nexus.core.outcome import UnknownOutcome, explained


def show_outcomes(watcher: Watcher, found: Sequence[UnknownOutcome]) -> int:
    """The unknown outcomes, one a line."""
    entries = [(_facts(outcome), _cells(outcome)) for outcome in found]
    columns = ["id", "state", "sent", "call", "what is known"]
    watcher.table(columns, entries, nothing="There is no call whose outcome is unknown.")
    return DONE


def show_outcome(watcher: Watcher, outcome: UnknownOutcome) -> int:
    """One unknown outcome, in full, with what can be said of it."""
    if isinstance(watcher, JsonLines):
        watcher.event(_facts(outcome))
        return DONE
    watcher.note(f"{one_line(outcome.tool)}: did it happen?", tone="strong")
    origins = outcome.question.origins if outcome.question else {}
    for row in rows(outcome.arguments, origins, limit=WHOLE):
        watcher.note(f"  {one_line(row.name)}: {row.value}", tone="plain")
    for sentence in explained(outcome):
        watcher.note(one_line(sentence, limit=1_000), tone="plain")
    if outcome.state == "open":
        for command in ("happened {} 'what came of it'", "retry {}", "give-up {}"):
            watcher.note(f"  nexus outcomes {command.format(outcome.key)}", tone="plain")
    return DONE


def _cells(outcome: UnknownOutcome) -> list[str]:
    return [
        outcome.key,
        outcome.state.replace("_", " "),
        outcome.sent_at.astimezone().strftime("%Y-%m-%d %H:%M"),
        call_in_words(outcome.tool, outcome.arguments, limit=120),
        one_line(outcome.known, limit=120),
    ]


def _facts(outcome: UnknownOutcome) -> dict[str, Any]:
    return {
        "outcome_id": outcome.key,
        "thread_id": outcome.thread,
        "state": outcome.state,
        "tool": outcome.tool,
        "arguments": dict(outcome.arguments),
        "toolkit": outcome.toolkit,
        "account": outcome.account,
        "sent_at": outcome.sent_at.isoformat(),
        "lost_at": outcome.lost_at.isoformat(),
        "known": outcome.known,
        "reference": outcome.reference,
        "tries": outcome.tries,
        "said": outcome.said,
        "explanation": explained(outcome),
        "approval_id": outcome.question.id if outcome.question else None,
    }
