"""One spelling for one value: different values never share a digest, the same value always does."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexus.core.canonical import MAX_BYTES, MAX_DEPTH, canonical_json, parse_json, sha256
from nexus.errors import ArgumentsInvalid

WORDS = [
    "",
    "a",
    "A",
    "ä",
    "a\u0308",
    "to",
    "1",
    "true",
    "null",
    "\u202e",
    "\u200b",
    "x y",
    '"',
    "\\",
    "/",
    "~",
]


def _random_value(source: random.Random, depth: int = 0) -> Any:  # noqa: PLR0911 - one a kind
    kind = source.randrange(8 if depth < 3 else 6)
    match kind:
        case 0:
            return None
        case 1:
            return source.random() < 0.5
        case 2:
            return source.randint(-(2**53 - 1), 2**53 - 1)
        case 3:
            return source.uniform(-1e6, 1e6)
        case 4 | 5:
            return "".join(source.choices(WORDS, k=source.randrange(4)))
        case 6:
            return [_random_value(source, depth + 1) for _ in range(source.randrange(4))]
        case _:
            return {
                source.choice(WORDS) + str(number): _random_value(source, depth + 1)
                for number in range(source.randrange(4))
            }


def _mutated(source: random.Random, value: Any) -> Any:  # noqa: PLR0911 - one a kind
    """A value a little beside `value`: the kind of change an attacker would hope to hide."""
    match value:
        case dict() if value:
            key = source.choice(sorted(value))
            return value | {key: _mutated(source, value[key])}
        case list() if value:
            place = source.randrange(len(value))
            return [*value[:place], _mutated(source, value[place]), *value[place + 1 :]]
        case str():
            return source.choice([value + "\u200b", value + " ", value.swapcase() + "a", [value]])
        case bool():
            return not value
        case int() | float():
            return source.choice([str(value), value + 1 if abs(value) < 2**52 else -value, [value]])
        case None:
            return source.choice(["null", False, 0, [None], {}])
        case _:
            return source.choice([None, [value], {"": value}])


def _same(one: Any, other: Any) -> bool:
    """Equality of JSON values: True is not 1, but 1.0 is 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True) or (
        isinstance(one, int | float)
        and isinstance(other, int | float)
        and not isinstance(one, bool)
        and not isinstance(other, bool)
        and one == other
    )


def test_ten_thousand_pairs_of_different_values_have_different_digests() -> None:
    source = random.Random(20260101)  # noqa: S311 - a test, not a secret
    pairs = 0
    while pairs < 10_000:
        one = _random_value(source)
        other = _mutated(source, one) if source.random() < 0.7 else _random_value(source)
        if _same(one, other):
            continue
        assert sha256(one) != sha256(other), (one, other)
        pairs += 1


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53 - 1), 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not 2**53 <= abs(number) < 1e21)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=100, derandomize=True, database=None, deadline=None)
@given(JSON)
def test_the_order_of_keys_and_a_round_trip_change_nothing(value: Any) -> None:
    assert sha256(_reversed(value)) == sha256(value)
    assert sha256(parse_json(canonical_json(value))) == sha256(value)
    assert sha256(parse_json(json.dumps(value, indent=3))) == sha256(value)


def _reversed(value: Any) -> Any:
    match value:
        case Mapping():
            return {key: _reversed(item) for key, item in reversed(value.items())}
        case list():
            return [_reversed(item) for item in value]
        case _:
            return value


def _nested(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


class _Loop(dict[str, Any]):
    """A map that holds itself."""

    def __init__(self) -> None:
        super().__init__(me=self)


REFUSED: dict[str, tuple[Any, str]] = {
    "NaN": ({"n": float("nan")}, "/n: is not a finite number"),
    "infinity": ([float("inf")], "/0: is not a finite number"),
    "minus infinity": (float("-inf"), "arguments: is not a finite number"),
    "an integer of 70 bits": ({"n": 2**70}, "/n: is an integer beyond"),
    "the first integer that is not exact": (2**53, "is an integer beyond"),
    "the same below zero": (-(2**53), "is an integer beyond"),
    "a float that would be read back as such an integer": (
        {"n": 9007199254740992.0},
        "/n: is an integer beyond",
    ),
    "half a character": ({"a": ["\ud800"]}, "/a/0: holds half of a character"),
    "half a character in a key": ({"\udfff": 1}, "holds half of a character"),
    "too deep": (_nested(MAX_DEPTH + 1), "is nested too deeply"),
    "a hundred thousand levels": (_nested(100_000), "is nested too deeply"),
    "a loop": (_Loop(), "is nested too deeply"),
    "two megabytes": ("x" * 2**21, "bytes are more than"),
    "bytes": ({"b": b"x"}, "is a bytes, not a JSON value"),
    "a set": ({"s": {1}}, "is a set, not a JSON value"),
    "a map that is no dict": ({"m": MappingProxyType({})}, "is a mappingproxy, not a JSON value"),
    "an object": (object(), "is a object, not a JSON value"),
    "a key that is a number": ({1: "x"}, "is a key, but no text"),
    "a key that is nothing": ({None: "x"}, "is a key, but no text"),
    "keys that would fall together": ({1: "x", "1": "y"}, "is a key, but no text"),
}


@pytest.mark.parametrize(("value", "problem"), REFUSED.values(), ids=REFUSED.keys())
def test_what_has_no_single_spelling_is_refused_by_name(value: Any, problem: str) -> None:
    with pytest.raises(ArgumentsInvalid, match=problem):
        canonical_json(value)


def test_what_stands_at_the_limits_is_taken() -> None:
    assert canonical_json(_nested(MAX_DEPTH))
    assert canonical_json([2**53 - 1, -(2**53) + 1])
    assert len(canonical_json("x" * (MAX_BYTES - 2))) == MAX_BYTES


def test_values_that_are_equal_in_json_are_spelled_alike() -> None:
    assert canonical_json({"b": 1.0, "a": (1, 2)}) == b'{"a":[1,2],"b":1}'
    assert canonical_json(-0.0) == b"0"
    assert canonical_json([1e21, -5e-324]) == b"[1e+21,-5e-324]"
    assert canonical_json(None) == b"null"


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 2}',
        '{"x": {"a": 1, "a": 1}}',
        "NaN",
        "[Infinity]",
        "-Infinity",
        "",
        "{",
        "{'a': 1}",
        "[" * 100_000,
    ],
)
def test_json_that_means_two_things_or_none_is_refused(text: str) -> None:
    with pytest.raises(ArgumentsInvalid, match="not valid JSON"):
        parse_json(text)


def test_plain_json_is_read() -> None:
    assert parse_json(b'{"a": [1, 2.5, null, true, "\\u00e4"]}') == {"a": [1, 2.5, None, True, "ä"]}
