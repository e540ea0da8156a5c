"""The size of a prompt, against what a real tokenizer counts."""

from __future__ import annotations

import pytest

from nexus.errors import PromptTooLong
from nexus.models.prompt_size import estimate_tokens, least_tokens, require_room, require_whole
from nexus.models.yes_or_no import yes_share
from nexus.ports.model import ChatMessage


def prompt(text: str) -> list[ChatMessage]:
    return [ChatMessage("user", text)]


def test_a_prompt_with_room_for_its_answer_passes():
    require_room(prompt("word " * 400), max_tokens=100, num_ctx=1024)


def test_a_prompt_without_room_is_refused_before_it_is_sent():
    with pytest.raises(PromptTooLong, match="1024"):
        require_room(prompt("word " * 1000), max_tokens=100, num_ctx=1024)


def test_a_count_that_leaves_no_room_is_refused_afterwards():
    with pytest.raises(PromptTooLong):
        require_whole(prompt("word " * 900), counted=1000, max_tokens=100, num_ctx=1024)


def test_a_count_below_the_words_of_the_prompt_means_it_was_cut():
    with pytest.raises(PromptTooLong, match="cut the prompt"):
        require_whole(prompt("word " * 600), counted=400, max_tokens=100, num_ctx=1024)


def test_an_honest_count_passes():
    require_whole(prompt("word " * 600), counted=605, max_tokens=100, num_ctx=1024)


def test_no_share_is_known_without_a_yes_or_a_no():
    assert yes_share([("maybe", -0.1)]) is None


def test_all_spellings_of_a_yes_count():
    assert yes_share([("Yes", -1.0), (" yes", -1.0), ("YES.", -1.0), ("No", -1.0)]) == pytest.approx(0.75)


@pytest.mark.parametrize("text", ["", "   ", "\n" * 50])
def test_blank_text_costs_next_to_nothing(text: str):
    assert least_tokens(prompt(text)) == 0
    assert estimate_tokens(prompt(text)) < 10
