"""What a rule wants of a call's arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from nexus.core.origin import leaves
from nexus.settings_policy import Condition, compiled

EACH = "*"
"""In a pointer: every item of a list or an object."""


def unmet(conditions: Mapping[str, Condition], arguments: Mapping[str, Any], *, every: bool) -> str | None:
    """The first condition that does not hold, in words; None if all do.

    Args:
        conditions: By JSON pointer.
        arguments: The call's.
        every: Where a pointer stands for several values: all must fit (to allow), or one is enough.
    """
    for pointer, condition in conditions.items():
        values = list(_values(arguments, _parts(pointer)))
        if not values:
            return f"there is no {pointer}"
        if not every:
            # What is forbidden must not slip through as an item of a list.
            values += [leaf for value in values for _, leaf in leaves(value)]
        fits = [_holds(condition, value) for value in values]
        if not (all(fits) if every else any(fits)):
            return f"{pointer} does not fit"
    return None


def _parts(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _values(value: Any, parts: Sequence[str]) -> Iterator[Any]:
    """Every value that the pointer stands for."""
    if not parts:
        yield value
        return
    first, rest = parts[0], parts[1:]
    if isinstance(value, Mapping):
        chosen = value.values() if first == EACH else [value[first]] if first in value else []
    elif isinstance(value, list | tuple):
        items = cast("Sequence[Any]", value)
        is_number = first.isascii() and first.isdecimal() and int(first) < len(items)
        chosen = items if first == EACH else [items[int(first)]] if is_number else []
    else:
        return
    for item in chosen:
        yield from _values(item, rest)


def _holds(condition: Condition, value: Any) -> bool:
    given = condition.model_fields_set
    if "equals" in given and not _is_same(condition.equals, value):
        return False
    if condition.in_ is not None and not any(_is_same(each, value) for each in condition.in_):
        return False
    if condition.matches is not None and not _matches(condition.matches, value):
        return False
    return condition.max is None or (_is_number(value) and value <= condition.max)


def _matches(pattern: str, value: Any) -> bool:
    return isinstance(value, str) and compiled(pattern).fullmatch(value) is not None


def _is_same(one: Any, other: Any) -> bool:
    """Equality as JSON has it: true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_is_same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        pairs = zip(cast("Sequence[Any]", one), cast("Sequence[Any]", other), strict=False)
        return len(one) == len(other) and all(_is_same(*pair) for pair in pairs)
    return bool(one == other)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
