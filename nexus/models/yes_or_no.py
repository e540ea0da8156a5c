"""How sure a model is of a yes: read from the probabilities of its first word."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

TOP_WORDS = 20


def yes_share(words: Iterable[tuple[str, float]]) -> float | None:
    """P(yes) / P(yes or no) over (token, log-probability) pairs; None if neither word is there."""
    shares = {"yes": 0.0, "no": 0.0}
    for token, logprob in words:
        word = token.strip(" \t\n▁Ġ\"'*.,:!").casefold()
        if word in shares:
            shares[word] += math.exp(min(logprob, 0.0))
    whole = shares["yes"] + shares["no"]
    return shares["yes"] / whole if whole else None


def first_words(content: Sequence[Mapping[str, Any]] | None) -> list[tuple[str, float]]:
    """The candidates for the first token, out of `logprobs` as OpenAI, llama.cpp and Ollama send them."""
    if not content:
        return []
    first = content[0]
    candidates: Sequence[Mapping[str, Any]] = first.get("top_logprobs") or [first]
    return [(str(each.get("token", "")), float(each.get("logprob", -math.inf))) for each in candidates]
