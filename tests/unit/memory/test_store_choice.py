from __future__ import annotations

import pytest

from nexus.errors import SettingsInvalid
from nexus.memory.choice import StoreChoice, store_choice_of
from nexus.models.local_url import is_local_host


def choice_of(setting: str, *, has_key: bool = False) -> StoreChoice:
    return store_choice_of(setting, has_key=has_key, is_near=is_local_host)


@pytest.mark.parametrize(
    ("setting", "choice"),
    [
        ("sqlite", StoreChoice("sqlite")),
        ("off", StoreChoice("off")),
        ("chroma", StoreChoice("chroma")),
        ("chroma:http://127.0.0.1:8000/", StoreChoice("chroma", "http://127.0.0.1:8000")),
        ("chroma:http://10.0.0.7:9000#team-a", StoreChoice("chroma", "http://10.0.0.7:9000", "team-a")),
    ],
)
def test_a_store_on_this_machine_or_near_it_needs_no_key(setting: str, choice: StoreChoice):
    assert choice_of(setting) == choice


@pytest.mark.parametrize(
    ("setting", "choice"),
    [
        ("pinecone:memories", StoreChoice("pinecone", "memories")),
        ("pinecone:memories#two", StoreChoice("pinecone", "memories", "two")),
        ("chroma:https://chroma.example.com", StoreChoice("chroma", "https://chroma.example.com")),
    ],
)
def test_a_store_elsewhere_needs_a_key_so_that_nothing_leaves_in_clear(setting: str, choice: StoreChoice):
    with pytest.raises(SettingsInvalid, match="NEXUS_ENCRYPTION_KEY"):
        choice_of(setting)
    assert choice_of(setting, has_key=True) == choice


@pytest.mark.parametrize(
    "setting",
    ["", "redis", "sqlite:x", "off#a", "pinecone", "chroma:nowhere", "chroma:ftp://h", "chroma:http://h:0",
     "chroma:http://[", "chroma#a", "chroma:http://localhost#Two Words"],
)  # fmt: skip
def test_anything_else_is_refused_with_what_it_may_be(setting: str):
    with pytest.raises(SettingsInvalid, match=r"NEXUS_MEMORY.*sqlite, chroma"):
        choice_of(setting, has_key=True)
