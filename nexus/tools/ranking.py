"""From a request to the best tools: what they are worth, the apps it names, and those of the user first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nexus.ports.embeddings import Matrix
from nexus.ports.index import OTHERS, Hit
from nexus.tools.catalogue import Catalogue
from nexus.tools.fusion import Asked, Mask, Places, found

NAMED = 0.2
"""What it adds to a tool's score that the request names its app, if the name can mean nothing else. More
helps no more (0.1 to 0.3, half of composio_handmade); a tool that does not fit stays behind those that do."""

_MORE_THAN_NOT = 0.5


def best(catalogue: Catalogue, asked: Asked, connected: frozenset[str] | None, limit: int) -> Sequence[Hit]:
    """The best tools for what is asked; those of connected apps first."""
    named = catalogue.named_in(asked.texts[0])
    first = _first(catalogue, connected, _certain(named))
    masks = [mask for mask in (first, catalogue.apps.tools_of(named) if named else None) if mask is not None]
    places, scores = found(catalogue, asked, masks, limit)
    for toolkit, certainty in named.items():
        scores += np.float32(NAMED * certainty) * catalogue.apps.are_of(toolkit, places)
    chosen = _in_order(scores, None if first is None else first[places], min(limit, len(places)))
    falling = np.minimum.accumulate(scores[chosen])
    top = float(falling.max(initial=0)) or 1.0
    return tuple(
        Hit(catalogue.slugs[place], float(score) / top)
        for place, score in zip(places[chosen], falling, strict=True)
    )


def _first(catalogue: Catalogue, connected: frozenset[str] | None, named: frozenset[str]) -> Mask | None:
    """The tools of connected apps and of those that are named; None where that tells none from others."""
    if not connected:
        return None
    able = catalogue.apps.tools_of(connected)
    return None if able.all() or not able.any() else able | catalogue.apps.tools_of(named)


def _certain(named: Mapping[str, float]) -> frozenset[str]:
    """The toolkits that are meant more probably than not."""
    return frozenset(toolkit for toolkit, certainty in named.items() if certainty > _MORE_THAN_NOT)


def _in_order(scores: Matrix, first: Mask | None, limit: int) -> Places:
    """The best places: those of `first` before the others, for whom a few are kept."""
    if first is None:
        return _highest(scores, limit)
    favoured, others = _best_of(first, scores, limit), _best_of(~first, scores, limit)
    kept = min(len(others), limit // OTHERS)
    return np.concatenate([favoured[: limit - kept], others])[:limit]


def _best_of(mask: Mask, scores: Matrix, limit: int) -> Places:
    """The highest of those in `mask`."""
    places = np.flatnonzero(mask)
    return places[_highest(scores[places], limit)]


def _highest(scores: Matrix, limit: int) -> Places:
    """The places of the `limit` highest scores, highest first."""
    limit = min(limit, len(scores))
    if limit <= 0:
        return np.zeros(0, np.int64)
    places = np.argpartition(-scores, limit - 1)[:limit]
    return places[np.argsort(-scores[places], kind="stable")]
