"""What the desk bench found, in words and in a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from tests.bench.desk_systems import Tally

Key: TypeAlias = tuple[str, str, str]
"""System, weights and task: what is run once."""


@dataclass(frozen=True, slots=True)
class Result:
    """How one system with one model did one task.

    Attributes:
        steps: Tool calls the task needs at least.
        planted: An API error is planted in the task.
        struck: How many calls got the planted error for an answer.
        calls: Tool calls that reached the provider.
        why_not: Why the task is not done; None if it is.
        ending: How the run ended, or the limit or error that ended it.
        seconds: Wall time.
        tally: What the model was asked.
        answer: The last words.
        story: The calls and their results, a line each.
    """

    system: str
    weights: str
    task: str
    steps: int
    planted: bool
    struck: int
    calls: int
    why_not: str | None
    ending: str
    seconds: float
    tally: Tally
    answer: str
    story: Sequence[str]

    @property
    def key(self) -> Key:
        """What the result is of."""
        return self.system, self.weights, self.task


class Results:
    """All results so far; a file, if there is one, holds all of them after every task."""

    def __init__(self, file: Path | None, *, resume: bool) -> None:
        self._file = file
        kept = file is not None and resume and file.exists()
        self.all: list[Result] = _loaded(file.read_text("utf-8")) if file and kept else []

    def add(self, result: Result) -> None:
        """One more result."""
        self.all.append(result)
        if self._file:
            found = [asdict(each) for each in self.all]
            part = self._file.with_name(f"{self._file.name}.part")
            part.write_text(json.dumps({"results": found}, indent=1, ensure_ascii=False), "utf-8")
            part.replace(self._file)

    def has(self, key: Key) -> bool:
        """True if that was run already."""
        return any(result.key == key for result in self.all)

    def groups(self) -> Mapping[tuple[str, str], Sequence[Result]]:
        """The results of each system with each model, by (weights, system)."""
        groups: dict[tuple[str, str], list[Result]] = {}
        for result in self.all:
            groups.setdefault((result.weights, result.system), []).append(result)
        return groups


def _loaded(text: str) -> list[Result]:
    found: list[dict[str, Any]] = json.loads(text)["results"]
    return [Result(tally=Tally(**each.pop("tally")), **each) for each in found]


def line_of(result: Result, *, verbose: bool) -> str:
    """One result in words; with `verbose`, what was done on the way."""
    tally = result.tally
    head = (
        f"{'done' if result.why_not is None else '-   '} {result.system:21} {result.weights} {result.task:21}"
        f" {result.seconds:6.1f} s  asked {tally.asked:2}, calls {result.calls:2}"
        f"{f' (planted error: {result.struck})' if result.planted else ''}"
        f"  valid {tally.valid}/{tally.attempted}"
        f"  prompt {tally.computed:,} computed of {tally.prompt:,}  written {tally.written:,}"
        f"  {result.ending}"
    )
    if not verbose:
        return head
    return "\n".join([head, *(f"       {line[:200]}" for line in _details(result))])


def _details(result: Result) -> Sequence[str]:
    why = [f"not done: {result.why_not}"] if result.why_not else []
    told = [line.replace("\n", " / ") for line in result.story]
    return [*told, f"-> {result.answer!r}", *why]


def summary(results: Sequence[Result]) -> str:
    """The figures of one system with one model."""
    first, total, count = results[0], total_of(results), len(results)
    steps = sorted({result.steps for result in results})
    by_steps = ", ".join(
        f"{each}: {done_of(results, lambda r, each=each: r.steps == each)}" for each in steps
    )
    struck = done_of(results, lambda r: r.struck > 0)
    return (
        f"== {first.system}, {first.weights}: {done_of(results)} tasks done\n"
        f"   by steps needed: {by_steps}; one or two: {done_of(results, lambda r: r.steps in (1, 2))}\n"
        f"   no error planted: {done_of(results, lambda r: not r.planted)};"
        f" planted: {done_of(results, lambda r: r.planted)} (where it struck: {struck})\n"
        f"   schema-valid model steps: {total.valid} of {total.attempted}\n"
        f"   a task: model asked {total.asked / count:.1f} times,"
        f" tool calls {sum(r.calls for r in results) / count:.1f};"
        f" prompt tokens {total.computed / count:,.0f} computed of {total.prompt / count:,.0f} sent;"
        f" written {total.written / count:,.0f}; {seconds_of(results) / count:.1f} s"
    )


def ratios(ours: Sequence[Result], theirs: Sequence[Result]) -> str:
    """Nexus against a peer with the same model, over the tasks that both have run."""
    both = {each.task for each in ours} & {each.task for each in theirs}
    mine, other = ([each for each in results if each.task in both] for results in (ours, theirs))
    one, another = total_of(mine), total_of(other)
    figures = (
        ("tasks done", _done(mine), _done(other)),
        ("prompt tokens computed", one.computed, another.computed),
        ("prompt tokens sent", one.prompt, another.prompt),
        ("tokens written", one.written, another.written),
        ("seconds", seconds_of(mine), seconds_of(other)),
    )
    parts = [f"{words} {_ratio(mine, other)} ({mine:,.0f} : {other:,.0f})" for words, mine, other in figures]
    head = f"nexus / {theirs[0].system}, {ours[0].weights}, {len(both)} tasks"
    return f"{head}: {', '.join(parts)}"


def done_of(results: Sequence[Result], which: Callable[[Result], bool] = lambda _: True) -> str:
    """How many of those are done, of how many, and the share."""
    some = [each for each in results if which(each)]
    return f"{_done(some)} of {len(some)} ({_percent(_done(some), len(some))})"


def total_of(results: Sequence[Result]) -> Tally:
    """All tallies together."""
    return sum((each.tally for each in results), Tally())


def seconds_of(results: Sequence[Result]) -> float:
    """All their time."""
    return sum(each.seconds for each in results)


def _done(results: Sequence[Result]) -> int:
    return sum(each.why_not is None for each in results)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "none"


def _ratio(one: float, another: float) -> str:
    return f"{one / another:.2f}" if another else "-"
