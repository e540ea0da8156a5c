"""Every run ends: what it may spend, and which limit it hit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NotRequired, TypedDict


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of one run.

    Attributes:
        steps: Choices the model may make.
        corrections: Times the model may mend the arguments of one call, or a tool may refuse them.
        tokens: Prompt and completion tokens that had to be computed.
        seconds: Wall time in which the model or a tool worked; waiting for a person does not count.
    """

    steps: int = 12
    corrections: int = 2
    tokens: int = 60_000
    seconds: float = 900.0


class Spent(TypedDict):
    """What a run has used so far.

    Attributes:
        tokens: Those that had to be computed: the budget is about them.
        prompt: Tokens of all prompts, also those that the engine still had. Runs of old versions lack it.
        written: Tokens that the model wrote; likewise.
    """

    steps: int
    failures: int
    tokens: int
    seconds: float
    prompt: NotRequired[int]
    written: NotRequired[int]


def nothing_spent() -> Spent:
    """The tally at the start of a run."""
    return Spent(steps=0, failures=0, tokens=0, seconds=0.0, prompt=0, written=0)


def exhausted(budget: Budget, spent: Spent) -> str | None:
    """The limit that was hit, in words, or None."""
    limits = [
        (spent["steps"] >= budget.steps, f"{budget.steps} steps"),
        (spent["tokens"] >= budget.tokens, f"{budget.tokens:,} tokens"),
        (spent["seconds"] >= budget.seconds, f"{budget.seconds:.0f} seconds of work"),
        (spent["failures"] > budget.corrections, f"{budget.corrections} corrections in a row"),
    ]
    return next((f"the budget of {words} is used up" for hit, words in limits if hit), None)
