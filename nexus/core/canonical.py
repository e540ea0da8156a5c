"""One spelling for one value: canonical JSON (RFC 8785), and what may be put into it."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import rfc8785

from nexus.errors import ArgumentsInvalid

MAX_DEPTH = 32
"""Levels of nesting a call's arguments may have. Checkpoints (msgpack) fail between 100 and 500."""

MAX_BYTES = 2 * 1024 * 1024
"""Size of a call's canonical arguments: a text of a million characters fits, and a checkpoint holds it."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_MAX_INTEGER = 2**53 - 1  # RFC 8785, section 3.2.2.3: beyond it JSON numbers are not exact
_EXPONENT_FROM = 1e21  # RFC 8785 spells smaller floats without a fraction like integers


def canonical_json(value: Any) -> bytes:
    """The RFC 8785 bytes of `value`.

    Raises:
        ArgumentsInvalid: It holds something that has no single JSON spelling, is too deep or too large.
    """
    for path, leaf, depth in _walk(value, "", 0):
        problem = "is nested too deeply" if depth > MAX_DEPTH else _problem(leaf)
        if problem:
            raise ArgumentsInvalid(problem, field=path or "arguments", remedy="Send plain JSON values.")
    encoded = rfc8785.dumps(value)
    if len(encoded) > MAX_BYTES:
        raise ArgumentsInvalid(
            f"{len(encoded):,} bytes are more than the {MAX_BYTES:,} a call may have",
            field="arguments",
            remedy="Put the text into a file and name the file.",
        )
    return encoded


def sha256(value: Any) -> str:
    """The SHA-256 of the canonical JSON of `value`, in hex."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def fingerprint(value: Any) -> str:
    """As `sha256`, for values of our own making, of any size: nothing is checked."""
    return hashlib.sha256(rfc8785.dumps(value)).hexdigest()


def parse_json(text: str | bytes) -> Any:
    """Read JSON, refusing what parsers usually accept in silence: duplicate keys, NaN, Infinity.

    Raises:
        ArgumentsInvalid: The text is not JSON, or not one unambiguous value.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ArgumentsInvalid(f"not valid JSON ({error})", field="arguments") from error


def _walk(value: Any, path: str, depth: int) -> Iterator[tuple[str, Any, int]]:
    """Every node with its JSON pointer and depth. Lazy, so a caller who stops at a depth may walk a loop."""
    yield path, value, depth
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield f"{path}/{key}", key if isinstance(key, str) else _NotText(), depth
            yield from _walk(item, f"{path}/{key}", depth + 1)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _walk(item, f"{path}/{number}", depth + 1)


class _NotText:
    """Stands for a key that JSON cannot have."""


def _problem(leaf: Any) -> str | None:  # noqa: PLR0911 - one line for each kind of value
    """Why this single value cannot be spelled, or None."""
    match leaf:
        case bool() | None:
            return None
        case int() | float() if abs(leaf) > _MAX_INTEGER and (
            isinstance(leaf, int) or abs(leaf) < _EXPONENT_FROM
        ):
            return "is an integer beyond ±(2^53-1), which JSON cannot carry exactly; send it as text"
        case float() if not math.isfinite(leaf):
            return "is not a finite number"
        case str() if _SURROGATE.search(leaf):
            return "holds half of a character (a lone surrogate)"
        case int() | float() | str() | dict() | list() | tuple():
            return None
        case _NotText():
            return "is a key, but no text"
        case _:
            return f"is a {type(leaf).__name__}, not a JSON value"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} stands twice")
        found[key] = value
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
