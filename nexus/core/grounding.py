"""Ids and addresses are looked up, never made up."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from nexus.core.origin import Source, leaves
from nexus.errors import ArgumentsInvalid

_ID_NAME = re.compile(r"(^|_)ids?$|Ids?$")
_ADDRESS = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+")


def check_grounded(arguments: Mapping[str, Any], sources: list[Source]) -> None:
    """Make sure that every id and every e-mail address stands in the request or in a tool's result.

    A small model invents `event-2` rather than look for it, and a hurried person would not see it.

    Raises:
        ArgumentsInvalid: Names the first value that stands nowhere.
    """
    known = "\n".join(source.text for source in sources).casefold()
    for pointer, value in leaves(arguments):
        if isinstance(value, str) and _must_be_known(pointer, value) and not _stands_in(known, value):
            raise ArgumentsInvalid(
                f"{value!r} is made up: it stands neither in the request nor in a result",
                field=pointer.strip("/").replace("/", "."),
                remedy="First use a tool that lists or finds it, or ask the user.",
            )


def without_made_up(
    arguments: Mapping[str, Any], sources: list[Source], *, required: Collection[str]
) -> dict[str, Any]:
    """The arguments without optional ones in which something is made up: a call that needs less is better."""
    kept = dict(arguments)
    for name in [name for name in arguments if name not in required]:
        try:
            check_grounded({name: arguments[name]}, sources)
        except ArgumentsInvalid:
            del kept[name]
    return kept


def _stands_in(text: str, value: str) -> bool:
    """True if `value` stands in `text` as a whole: `event-4` does not stand in `event-41`."""
    return re.search(rf"(?<![\w.+-]){re.escape(value.casefold())}(?![\w-])", text) is not None


def _must_be_known(pointer: str, value: str) -> bool:
    names = [part for part in pointer.split("/") if part and not part.isdigit()]
    return bool(_ADDRESS.fullmatch(value) or (value and names and _ID_NAME.search(names[-1])))
