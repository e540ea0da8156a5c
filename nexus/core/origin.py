"""Where each value of a proposed call came from: the user, a memory, a tool's result, or the model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Origins: TypeAlias = dict[str, str]
"""JSON pointer of a value → `user`, `memory`, `tool:<slug>`, `default` (of the tool) or `model`."""

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Source:
    """A text that a value may have been taken from."""

    origin: str
    text: str


def origins(arguments: Mapping[str, Any], sources: Sequence[Source]) -> Origins:
    """For each single value in `arguments`, the first source that contains it word for word, else `model`.

    A value counts as contained if its words stand in the source in the same order without a gap; what
    the model worked out (a date from `Friday`) or wrote itself is the model's.
    """
    searchable = [(source.origin, _words(source.text)) for source in sources]
    return {pointer: _origin(value, searchable) for pointer, value in leaves(arguments)}


def origins_after_edit(before: Mapping[str, Any], known: Origins, after: Mapping[str, Any]) -> Origins:
    """The origins of edited arguments: what stayed keeps its own, the rest came from the `approver`."""
    old = dict(leaves(before))
    return {
        pointer: known.get(pointer, "approver") if old.get(pointer) == value else "approver"
        for pointer, value in leaves(after)
    }


def in_words(known: Origins) -> list[str]:
    """For the approver: which values are not in the request, but in what a tool returned or in a memory."""
    return [
        f"{pointer.removeprefix('/').replace('/', '.')} came from {_from(origin)}"
        for pointer, origin in known.items()
        if origin.startswith("tool:") or origin == "memory"
    ]


def _from(origin: str) -> str:
    if origin == "memory":
        return "memory, not from this request"
    return f"a result of {origin.removeprefix('tool:')}, not from you"


def _origin(value: Any, searchable: Sequence[tuple[str, str]]) -> str:
    wanted = _words(str(value))
    if wanted.strip():
        for origin, text in searchable:
            if wanted in text:
                return origin
    return "model"


def _words(text: str) -> str:
    """The words of `text` in lower case, each with a space around it, so that only whole words match."""
    return f" {' '.join(_WORD.findall(text.casefold()))} "


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every single value in `value` with its JSON pointer."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(item, f"{path}/{_escape(str(key))}")
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from leaves(item, f"{path}/{number}")
    else:
        yield path, value


def _escape(key: str) -> str:
    """A key as a part of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")
