"""What an exit code of `nexus` means."""

from __future__ import annotations

from typing import Any

from nexus.errors import InvalidInput, ModelMissing, NexusError, NotFound, Refused, Unavailable

DONE = 0
FAILED = 1
USAGE = 2
WAITING = 3
REFUSED = 4
UNAVAILABLE = 5
STOPPED = 130

MEANINGS = {
    DONE: "done",
    FAILED: "it failed",
    USAGE: "bad usage, a bad value, or no such thing",
    WAITING: "it waits for you: an approval to decide, or a question to answer",
    REFUSED: "refused: by you, by a rule, or because the time was over",
    UNAVAILABLE: "not possible right now: the model or the store does not answer",
    STOPPED: "stopped with Ctrl-C; what was begun can be continued",
}

EPILOG = "\n\n".join(["Exit codes:", *(f"{code:>5}  {meaning}" for code, meaning in MEANINGS.items())])

_BY_ERROR: tuple[tuple[type[NexusError], int], ...] = (
    (InvalidInput, USAGE),
    (NotFound, USAGE),
    (Refused, REFUSED),
    (Unavailable, UNAVAILABLE),
    (ModelMissing, UNAVAILABLE),
)

_BY_ENDING = {"answered": DONE, "asked": WAITING, "rejected": REFUSED, "budget": FAILED}


def code_of(error: NexusError) -> int:
    """The exit code for an error."""
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), FAILED)


def code_at(last: dict[str, Any]) -> int:
    """The exit code for a run whose last event is `last`."""
    if last.get("event") == "paused":
        return WAITING
    return _BY_ENDING.get(last.get("ending") or "answered", FAILED)
