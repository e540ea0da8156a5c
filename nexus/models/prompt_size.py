"""How long a prompt is in tokens, for servers that cut what is too long without saying so."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nexus.errors import PromptTooLong
from nexus.ports.model import ChatMessage

_PER_MESSAGE = 5
_WORD = re.compile(r"[^\W\d_]+|\d|[^\w\s]|_|\n+|[ \t]{2,}")
_RUN = re.compile(r"[^\W\d_]+|\d+")
_LETTERS_A_TOKEN = 6
# Less than this share of the estimate means that something was left out.
_SUSPICIOUS = 0.6


def estimate_tokens(messages: Sequence[ChatMessage]) -> int:
    """About how many tokens `messages` take; within a fifth for prose, JSON and code."""
    return sum(_PER_MESSAGE + sum(_cost(word) for word in _WORD.findall(each.content)) for each in messages)


def least_tokens(messages: Sequence[ChatMessage]) -> int:
    """Fewer tokens than this no tokenizer makes of `messages`: each word and each number is at least one."""
    return sum(len(_RUN.findall(each.content)) for each in messages)


def require_room(messages: Sequence[ChatMessage], *, max_tokens: int, num_ctx: int) -> None:
    """Refuse a prompt that will not fit beside its answer.

    Raises:
        PromptTooLong: Names both sizes and the setting.
    """
    estimate = max(estimate_tokens(messages), least_tokens(messages))
    if estimate + max_tokens > num_ctx:
        raise too_long(f"about {estimate}", max_tokens=max_tokens, num_ctx=num_ctx)


def require_whole(messages: Sequence[ChatMessage], *, counted: int, max_tokens: int, num_ctx: int) -> None:
    """Refuse an answer to a prompt of which the server read only a part (`counted` tokens).

    Raises:
        PromptTooLong: The count is too low for the prompt, or leaves no room for the answer.
    """
    if counted + max_tokens > num_ctx:
        raise too_long(str(counted), max_tokens=max_tokens, num_ctx=num_ctx)
    sent = max(least_tokens(messages), int(_SUSPICIOUS * estimate_tokens(messages)))
    if counted < sent:
        raise PromptTooLong(
            f"The server read {counted} tokens of a prompt of at least {sent}: it cut the prompt.",
            remedy="Raise NEXUS_NUM_CTX, or the server's own limit.",
        )


def too_long(tokens: str, *, max_tokens: int, num_ctx: int) -> PromptTooLong:
    """The error that says how much too long a prompt is."""
    return PromptTooLong(
        f"The prompt has {tokens} tokens; with {max_tokens} for the answer that is more than the"
        f" context window of {num_ctx}.",
        remedy="Raise NEXUS_NUM_CTX or start a new thread.",
    )


def _cost(word: str) -> int:
    if word.isspace():
        return 1
    if word.isascii():
        return -(-len(word) // _LETTERS_A_TOKEN)
    # Scripts without spaces take about a token for each sign, others about one for every two.
    dense = sum(1 for letter in word if letter >= "\u2e80")
    return dense + -(-(len(word) - dense) // 2)
