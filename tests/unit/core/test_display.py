"""What a person sees is what is there: nothing hidden, reordered or faked by the text itself."""

from __future__ import annotations

import unicodedata

import pytest

from nexus.core.display import visible, visible_value

HOSTILE: dict[str, tuple[str, str]] = {
    "right-to-left override": ("a\u202egnp.exe", "a\\u{202e}gnp.exe"),
    "left-to-right override": ("\u202da", "\\u{202d}a"),
    "embeddings": ("\u202aa\u202bb\u202c", "\\u{202a}a\\u{202b}b\\u{202c}"),
    "isolates": ("\u2066a\u2067b\u2068c\u2069", "\\u{2066}a\\u{2067}b\\u{2068}c\\u{2069}"),
    "marks": ("\u200e\u200f\u061c", "\\u{200e}\\u{200f}\\u{61c}"),
    "zero width space": ("pay\u200bpal", "pay\\u{200b}pal"),
    "zero width joiners": ("a\u200cb\u200dc", "a\\u{200c}b\\u{200d}c"),
    "word joiner": ("a\u2060b", "a\\u{2060}b"),
    "byte order mark": ("\ufeffa", "\\u{feff}a"),
    "soft hyphen": ("a\u00adb", "a\\u{ad}b"),
    "ANSI colour": ("\x1b[8mhidden\x1b[0m", "\\u{1b}[8mhidden\\u{1b}[0m"),
    "ANSI clear screen": ("\x1b[2J\x1b[H", "\\u{1b}[2J\\u{1b}[H"),
    "terminal title": ("\x1b]0;x\x07", "\\u{1b}]0;x\\u{7}"),
    "C1 control": ("\x9b31m", "\\u{9b}31m"),
    "backspaces": ("bad\b\b\bgood", "bad\\u{8}\\u{8}\\u{8}good"),
    "carriage return": ("send to eve\rsend to ana", "send to eve\\u{d}send to ana"),
    "nul": ("a\0b", "a\\u{0}b"),
    "delete": ("a\x7fb", "a\\u{7f}b"),
    "bell": ("\a", "\\u{7}"),
    "vertical tab and form feed": ("a\vb\f", "a\\u{b}b\\u{c}"),
    "line separator": ("a\u2028b", "a\\u{2028}b"),
    "paragraph separator": ("a\u2029b", "a\\u{2029}b"),
    "next line": ("a\x85b", "a\\u{85}b"),
    "tag characters": ("a\U000e0041\U000e007f", "a\\u{e0041}\\u{e007f}"),
    "variation selectors": ("a\ufe00b\ufe0f", "a\\u{fe00}b\\u{fe0f}"),
    "more variation selectors, as used for smuggling": ("a\U000e0100\U000e01ef", "a\\u{e0100}\\u{e01ef}"),
    "Mongolian variation selector": ("a\u180b\u180e", "a\\u{180b}\\u{180e}"),
    "grapheme joiner": ("a\u034fb", "a\\u{34f}b"),
    "Hangul fillers": ("\u115f\u1160\u3164\uffa0", "\\u{115f}\\u{1160}\\u{3164}\\u{ffa0}"),
    "Braille blank": ("a\u2800b", "a\\u{2800}b"),
    "Khmer inherent vowels": ("\u17b4\u17b5", "\\u{17b4}\\u{17b5}"),
    "interlinear annotation": ("\ufff9a\ufffa\ufffb", "\\u{fff9}a\\u{fffa}\\u{fffb}"),
    "musical formatting": ("\U0001d173", "\\u{1d173}"),
    "private use": ("\ue000", "\\u{e000}"),
    "not assigned": ("\u0378", "\\u{378}"),
    "half a character": ("\ud83d", "\\u{d83d}"),
}


@pytest.mark.parametrize(("text", "shown"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hidden_and_reordering_characters_are_spelled_out(text: str, shown: str) -> None:
    assert visible(text) == shown


HARMLESS = [
    "Grüße, Zoë!",
    "日本語",
    "مرحبا",
    "שלום",
    "line\nline\ttab",
    "**bold** [a](http://b)",
    "<b>&amp;</b>",
    "👍",
    "e\u0301",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_plain_text_of_any_language_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_no_character_that_shows_nothing_is_left() -> None:
    left = [
        chr(code)
        for code in (*range(0x3400), *range(0xD7A4, 0x10000), *range(0xE0000, 0xE0200))
        if visible(chr(code)) == chr(code)
        and unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    ]
    assert left == ["\t", "\n"]


def test_a_cut_says_how_much_is_missing() -> None:
    assert visible("x" * 2**20, limit=3) == "xxx… (1,048,573 more characters)"
    assert visible("xxx", limit=3) == "xxx"


def test_values_are_shown_as_json_and_texts_as_they_are() -> None:
    assert visible_value("ä\u202e") == "ä\\u{202e}"
    assert visible_value({"a": ["ä\u200b", 1, None]}) == '{"a": ["ä\\u{200b}", 1, null]}'
    assert visible_value([1] * 5_000, limit=5) == "[1, 1… (14,995 more characters)"
