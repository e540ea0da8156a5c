"""Greetings and closings with something left to be filled in."""

from __future__ import annotations

import pytest

from nexus.core.origin import Source
from nexus.core.placeholders import without_placeholders

LETTER = "I will be 15 minutes late today."


def cleaned(text: str, *known: str) -> str:
    return without_placeholders({"body": text}, [Source("user", one) for one in known])["body"]


@pytest.mark.parametrize(
    "text",
    [
        f"Dear [Recipient's Name],\n\n{LETTER}\n\nBest regards,\n[Your Name]",
        f"{LETTER}\n\nBest regards,\nYour Name",
        f"{LETTER}\n\nWith kind regards, <your name>",
        f"Hi {{{{name}}}},\n{LETTER}",
        f"{LETTER}\n\nBest,\n[Your Name]\n",
    ],
)
def test_a_greeting_or_closing_that_is_to_be_filled_in_is_left_out(text: str) -> None:
    assert cleaned(text) == LETTER


@pytest.mark.parametrize(
    "text",
    [
        LETTER,
        f"Dear team,\n{LETTER}\nBest regards,\nEva",
        "- [x] paint the shed\n- [ ] sweep",
        "See [the plan](https://example.com/plan)",
        "Please put [the invoice number] into the subject of every mail you send",
        "<b>bold</b> and <b>again</b>",
        "[Your Name]",
    ],
)
def test_any_other_text_stays_as_it_is(text: str) -> None:
    assert cleaned(text) == text


def test_what_the_person_wrote_with_a_placeholder_keeps_it() -> None:
    assert cleaned(f"{LETTER}\n[Your Name]", "Make a template that ends with [Your Name]").endswith(
        "[Your Name]"
    )


def test_texts_inside_of_lists_and_objects_are_cleaned_too() -> None:
    given = {"mails": [{"body": f"{LETTER}\n[Your Name]", "urgent": True}], "count": 2}
    assert without_placeholders(given, []) == {"mails": [{"body": LETTER, "urgent": True}], "count": 2}
