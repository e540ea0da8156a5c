"""Addresses, links and ids in a text, and whether anything vouches for them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nexus.core.origin import Source

EMAIL = r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
"""An e-mail address in a text."""

_REFERENCE = re.compile(
    rf"""
    https?://[^\s<>"')\]]+                               # a link
    | {EMAIL}
    | \b[A-Za-z]+[-_](?!(?:19|20)\d\d\b)\d+\b            # task-7, ABC-123; but not mid-2026
    | \b(?=[0-9a-f-]{{0,127}}\d)(?=[0-9a-f-]{{0,127}}[a-f])[0-9a-f-]{{8,128}}\b  # 18f3a0c2, a UUID
    """,
    re.VERBOSE,
)
"""No part of it reads on and on from every place of a long text: what a tool returns may be made for that."""


def references(text: str) -> list[str]:
    """The links, e-mail addresses and ids in `text`, in order, each once."""
    return list(dict.fromkeys(match.rstrip(".,;:!?") for match in _REFERENCE.findall(text)))


def is_known(reference: str, sources: Sequence[Source]) -> bool:
    """True if a source has it as a whole: `task-7` does not stand in `task-71`. Case does not matter."""
    whole = re.compile(rf"(?<![\w.+-]){re.escape(reference)}(?![\w-])", re.IGNORECASE)
    return any(whole.search(source.text) for source in sources)
