"""The separate needs of a request: each is searched by itself, for one vector cannot mean two things.

The model says them as functions of apps that it knows; people do not ask in the words in which tools are
described (`the newest bug report in acme/web` is an issue of a repository).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain, zip_longest

from graphs.prompting import prompt_file
from graphs.writing import Writer
from nexus.errors import OutputCut, OutputInvalid, PromptTooLong
from nexus.ports.index import OTHERS, Hit
from nexus.ports.model import ChatMessage

_MOST_NEEDS = 4
_SURE = 2  # tools of each need that are always among those found
_LONGEST_NEED = 100  # characters
_NEEDS_TOKENS = 200
_NEEDS = {
    "type": "object",
    "properties": {
        "functions": {
            "type": "array",
            "items": {"type": "string", "minLength": 3, "maxLength": _LONGEST_NEED},
            "minItems": 1,
            "maxItems": _MOST_NEEDS,
        }
    },
    "required": ["functions"],
    "additionalProperties": False,
}

_STEPS = re.compile(r"\s*(?:,|;|\.\s|\bthen\b|\band\b)\s*", re.IGNORECASE)
_SHORTEST_NEED = 8  # characters; shorter pieces of a split request ("Anna") are parts of the one before


async def needs_by_model(write: Writer, request: str) -> list[str]:
    """The functions that the model would look for; by punctuation if it cannot say."""
    messages = [
        ChatMessage("system", prompt_file("needs").template),
        ChatMessage("user", f"Request: {request}"),
    ]
    try:
        return list((await write(messages, _NEEDS, _NEEDS_TOKENS))["functions"])
    except (OutputCut, OutputInvalid, PromptTooLong):
        return needs_in(request)


def needs_in(request: str) -> list[str]:
    """The atomic needs of a request, by its punctuation and its `and`s; empty if it is a single one."""
    pieces: list[str] = []
    for piece in filter(None, _STEPS.split(request)):
        if pieces and len(piece) < _SHORTEST_NEED:
            pieces[-1] = f"{pieces[-1]} {piece}"
        else:
            pieces.append(piece)
    return pieces if len(pieces) > 1 else []


def names_in(needs: Sequence[str]) -> list[str]:
    """The names of the functions by themselves, as words: what they are about may drown what they do."""
    return [name.replace("_", " ") for name, colon, _ in (need.partition(":") for need in needs) if colon]


def merged(
    whole: Sequence[Hit],
    needs: Sequence[Sequence[Hit]],
    limit: int,
    *,
    names: Sequence[Sequence[Hit]] = (),
    others: AbstractSet[str] = frozenset(),
) -> list[Hit]:
    """The best `limit` by what was found for the whole request and for its needs, half and half.

    A tool counts for the need that it serves best. What each need and each of their `names` finds first is
    always among them, and so is what they find first of `others`: tools of apps that are not connected,
    which the search has put behind those of all that are.
    Measured with the needs of the 1.5B, R@1 5 10 20 before and after: composio_handmade, 81 requests,
    13,145 tools: 54.7 85.0 93.0 95.3, 62.8 94.2 96.7 99.2 (`tests/bench/toolselect.py --decompose`).
    """
    scores = _scores(whole, needs, names)
    ranked = sorted(scores, key=scores.__getitem__, reverse=True)
    sure = {hit.slug for hits in [*needs, *names] for hit in hits[:_SURE]}
    kept = _by_turns([[hit.slug for hit in hits if hit.slug in others] for hits in [*needs, whole]])
    wanted = dict.fromkeys([*kept[: limit // OTHERS], *sorted(sure, key=ranked.index), *ranked])
    chosen = set(list(wanted)[:limit])
    return [Hit(slug, scores[slug]) for slug in ranked if slug in chosen]


def _scores(
    whole: Sequence[Hit], needs: Sequence[Sequence[Hit]], names: Sequence[Sequence[Hit]]
) -> dict[str, float]:
    for_request = {hit.slug: hit.score for hit in whole}
    if not needs:
        return for_request
    for_need: dict[str, float] = defaultdict(float)
    for hit in chain.from_iterable([*needs, *(hits[:_SURE] for hits in names)]):
        for_need[hit.slug] = max(for_need[hit.slug], hit.score)
    return {
        slug: (for_request.get(slug, 0.0) + for_need.get(slug, 0.0)) / 2
        for slug in {**for_request, **for_need}
    }


def _by_turns(found: Iterable[Sequence[str]]) -> list[str]:
    """The first of each, then the second of each, and so on; none twice."""
    return list(dict.fromkeys(slug for turn in zip_longest(*found) for slug in turn if slug is not None))
