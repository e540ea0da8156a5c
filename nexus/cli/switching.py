"""Which tools are switched off, and the rules of switching."""

from __future__ import annotations

from collections.abc import Sequence

from nexus.cli.configuration import overruled_by, persist
from nexus.cli.exits import DONE, USAGE
from nexus.cli.watcher import Watcher
from nexus.cli.words import one_line
from nexus.core.tool import ToolSpec
from nexus.errors import InvalidInput, NotFound
from nexus.settings import Settings


def check_known(names: Sequence[str], specs: Sequence[ToolSpec], *, known: Sequence[str]) -> None:
    """Make sure that every name means something.

    Raises:
        NotFound: No enabled tool or toolkit has that name, and it is not switched off already.
    """
    present = {spec.slug for spec in specs} | {spec.toolkit for spec in specs} | set(known)
    for name in names:
        if name not in present:
            raise NotFound(f"There is no tool or toolkit {name!r}.", remedy="`nexus tools list` shows them.")


def remaining(names: Sequence[str], disabled: Sequence[str]) -> list[str]:
    """The rules that stay when `names` are switched on.

    Raises:
        InvalidInput: A name is not switched off, or only as part of a wider rule.
    """
    for name in names:
        if name in disabled:
            continue
        wider = next((rule for rule in disabled if _covers(rule, name)), None)
        if wider:
            raise InvalidInput(
                f"{name} is switched off with its toolkit {wider!r}",
                remedy=f"Switch that on (nexus tools enable {wider!r}), then disable what shall stay hidden.",
            )
        raise InvalidInput(
            f"{name} is not switched off", remedy=f"Switched off: {', '.join(disabled) or 'nothing'}."
        )
    return [rule for rule in disabled if rule not in names]


def save(watcher: Watcher, settings: Settings, rules: Sequence[str]) -> int:
    """Write the rules into the home's configuration file; the exit code."""
    variable = overruled_by("disable")
    if variable:
        watcher.note(f"{variable} is set and stands above the file: change or unset it.", tone="bad")
        return USAGE
    path = persist(settings.home, "disable", sorted(set(rules)))
    shown = ", ".join(one_line(rule) for rule in sorted(set(rules))) or "nothing"
    watcher.note(f"Switched off: {shown} (in {path})", tone="plain")
    return DONE


def _covers(rule: str, name: str) -> bool:
    """True if the rule is the toolkit that the tool belongs to."""
    return name.startswith(f"{rule}_")
