"""Greetings and signatures that a small model leaves to be filled in: `Best regards, [Your Name]`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from nexus.core.origin import Source

_PLACEHOLDER = re.compile(
    r"""
    \[[^\W\d_][^\[\]\n]{2,40}\](?!\()   # [Your Name]; but no [x], no [link](…)
    | <[^\W\d_]+(?:\ [^\W\d_]+)+>       # <your name>; but no <b>
    | \{\{[^{}\n]{1,40}\}\}             # {{name}}
    | \b[Yy]our\ (?:[Ff]ull\ )?[Nn]ame\b
    """,
    re.VERBOSE,
)

_BESIDE = 3
"""Words that may stand in a greeting or a closing beside its placeholder: `With kind regards, …`."""


def without_placeholders(arguments: Mapping[str, Any], sources: Sequence[Source]) -> dict[str, Any]:
    """The arguments without the greetings and closings in which something was left to be filled in.

    Lines that say more are left alone, as is a placeholder that a source has: somebody may want it so.
    """
    known = "\n".join(source.text for source in sources)
    return {name: _without(value, known) for name, value in arguments.items()}


def _without(value: Any, known: str) -> Any:
    match value:
        case str():
            return _text_without(value, known)
        case list():
            return [_without(item, known) for item in value]
        case dict():
            return {name: _without(item, known) for name, item in value.items()}
        case _:
            return value


def _text_without(text: str, known: str) -> str:
    lines = text.rstrip().split("\n")
    kept = [line for line in lines if not _is_to_be_filled_in(line, known)]
    if len(kept) == len(lines):
        return text
    if _is_to_be_filled_in(lines[-1], known):
        kept = _without_closing(kept)
    return "\n".join(kept).strip() or text


def _is_to_be_filled_in(line: str, known: str) -> bool:
    """True for a greeting or closing with a placeholder that stands nowhere else."""
    left = [found for found in _PLACEHOLDER.findall(line) if found not in known]
    return bool(left) and len(_PLACEHOLDER.sub("", line).split()) <= _BESIDE


def _without_closing(lines: Sequence[str]) -> list[str]:
    """The lines without the `Best regards,` that stood above the name."""
    kept = list(lines)
    while kept and not kept[-1].strip():
        kept.pop()
    if kept and kept[-1].rstrip().endswith(",") and len(kept[-1].split()) <= _BESIDE:
        kept.pop()
    return kept
