"""Pinecone's filters, as its documentation defines them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def _has_any(value: Any, wanted: Any) -> bool:
    return any(_same(one, each) for one in (value if isinstance(value, list) else [value]) for each in wanted)


def _same(value: Any, wanted: Any) -> bool:
    """Python's `True == 1` is not Pinecone's."""
    return type(value) is type(wanted) and value == wanted


def _number(value: Any) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")


_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "$eq": lambda value, wanted: wanted in value if isinstance(value, list) else _same(value, wanted),
    "$ne": lambda value, wanted: not _same(value, wanted),
    "$in": _has_any,
    "$nin": lambda value, wanted: not _has_any(value, wanted),
    "$gt": lambda value, wanted: _number(value) > wanted,
    "$gte": lambda value, wanted: _number(value) >= wanted,
    "$lt": lambda value, wanted: _number(value) < wanted,
    "$lte": lambda value, wanted: _number(value) <= wanted,
}


def fits(condition: Mapping[str, Any], metadata: Mapping[str, Any]) -> bool:
    """True if a record with this metadata is meant."""
    return all(_holds(name, wanted, metadata) for name, wanted in condition.items())


def _holds(name: str, wanted: Any, metadata: Mapping[str, Any]) -> bool:
    if name == "$and":
        return all(fits(each, metadata) for each in wanted)
    if name == "$or":
        return any(fits(each, metadata) for each in wanted)
    if not isinstance(wanted, dict):
        wanted = {"$eq": wanted}
    return name in metadata and all(_COMPARED[sign](metadata[name], to) for sign, to in wanted.items())
