from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from nexus.errors import SettingsInvalid, StoreUnavailable
from nexus.memory.sealing import Sealed, Unsealed, seal_for

KEY = bytes(range(32))


def test_a_sealed_text_can_be_opened_only_as_what_it_is_about_and_by_its_user():
    seal = Sealed(KEY, "ada")
    written = seal.close("naïve 👩", "m1")
    assert "na" not in written
    assert Sealed(KEY, "ada").open(written, "m1") == "naïve 👩"
    for other, about in ((seal, "m2"), (Sealed(KEY, "bob"), "m1"), (Sealed(b"x" * 32, "ada"), "m1")):
        with pytest.raises(StoreUnavailable):
            other.open(written, about)


def test_a_text_sealed_twice_looks_different_and_its_tag_the_same():
    seal = Sealed(KEY, "ada")
    assert seal.close("same", "m1") != seal.close("same", "m1")
    assert seal.tag("gmail") == Sealed(KEY, "ada").tag("gmail") != Sealed(KEY, "bob").tag("gmail")
    assert "gmail" not in seal.tag("gmail")
    assert seal.tag("") == ""


def test_a_changed_text_is_noticed():
    written = Sealed(KEY, "ada").close("likes tea", "m1")
    raw = bytearray(base64.b64decode(written.removeprefix("sealed:1:")))
    raw[-1] ^= 1
    with pytest.raises(StoreUnavailable):
        Sealed(KEY, "ada").open("sealed:1:" + base64.b64encode(raw).decode(), "m1")


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_key_is_32_bytes_in_either_base64(encode: Callable[[bytes], bytes]):
    raw = b"\xff\xfe" * 16
    for text in (encode(raw).decode(), encode(raw).decode().rstrip("=")):
        assert seal_for(text, "ada").open(Sealed(raw, "ada").close("x", "m"), "m") == "x"


@pytest.mark.parametrize("key", ["short", "ä" * 43, "A" * 44, "*" * 43])
def test_any_other_key_is_refused_without_repeating_it(key: str):
    with pytest.raises(SettingsInvalid, match="NEXUS_ENCRYPTION_KEY") as refused:
        seal_for(key, "ada")
    assert key not in str(refused.value)


def test_without_a_key_texts_are_in_clear():
    assert isinstance(seal_for(None, "ada"), Unsealed)
