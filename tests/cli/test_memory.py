"""`nexus memory`: everything that is remembered, under the person's hands."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from nexus.errors import ModelMissing
from nexus.models.minilm import MiniLM
from tests.cli.console import Home


@pytest.fixture(autouse=True)
async def _embedder() -> None:
    try:
        await MiniLM().embed(["is the model here?"])
    except ModelMissing as missing:
        pytest.skip(str(missing))


def files_with(text: str, folder: Path) -> str:
    done = subprocess.run(["grep", "-rl", text, folder], capture_output=True, text=True, check=False)
    return done.stdout


def test_a_memory_is_added_found_changed_and_forgotten(home: Home) -> None:
    (added,) = home.nexus(
        "memory", "add", "Mails to Acme are signed with Ada", "--app", "gmail", "--json"
    ).lines
    assert (added["author"], added["apps"]) == ("person", ["gmail"])
    home.nexus("memory", "add", "The deadline of Apollo is Friday", "--kind", "fact")
    found = home.nexus("memory", "search", "how do I sign letters to Acme?", "--json").lines
    assert found[0]["id"] == added["id"]
    assert "signed with Ada" in home.nexus("memory", "search", "signature").out
    (changed,) = home.nexus(
        "memory", "edit", added["id"], "Mails to Acme end with A. Lovelace", "--json"
    ).lines
    assert changed["history"][0]["text"] == "Mails to Acme are signed with Ada"
    assert home.nexus("memory", "list", "--app", "gmail", "--json").lines[0]["id"] == added["id"]
    assert home.nexus("memory", "forget", added["id"], "--json").lines == [{"forgotten": 1}]
    assert "Lovelace" not in home.nexus("memory", "list").out
    assert "Apollo" in home.nexus("memory", "list").out


def test_what_is_forgotten_is_in_no_file_of_the_home(home: Home) -> None:
    home.nexus("memory", "add", "The zebracanary likes oysters")
    (added,) = home.nexus("memory", "list", "--json").lines
    home.nexus("memory", "edit", added["id"], "The zebracanary likes herring")
    assert "store.db" in files_with("zebracanary", home.path)
    assert home.nexus("memory", "forget", "--all").code == 0
    held = subprocess.run(
        ["grep", "-rl", "zebracanary", home.path], capture_output=True, text=True, check=False
    )
    assert held.stdout == ""
    assert "Nothing is remembered" in home.nexus("memory", "list").err


def test_an_export_can_be_imported_whole_into_another_home(home: Home, tmp_path: Path) -> None:
    home.nexus("memory", "add", "The deadline of Apollo is Friday")
    home.nexus("memory", "add", "The deadline of Apollo is 3 May")
    before = home.nexus("memory", "list", "--json").lines
    file = tmp_path / "memories.jsonl"
    assert home.nexus("memory", "export", str(file)).code == 0
    assert file.stat().st_mode & 0o077 == 0
    assert [json.loads(line) for line in home.nexus("memory", "export").out.splitlines()] == before
    assert "is there already" in home.nexus("memory", "export", str(file)).err
    home.nexus("memory", "forget", "--all")
    assert home.nexus("memory", "import", str(file), "--json").lines[-1] == {"imported": 1}
    assert home.nexus("memory", "list", "--json").lines == before
    assert before[0]["history"][0]["text"] == "The deadline of Apollo is Friday"


def test_what_waits_is_listed_and_accepted(home: Home, tmp_path: Path) -> None:
    (told,) = home.nexus("memory", "add", "Bugs go to acme web", "--json").lines
    file = tmp_path / "waiting.jsonl"
    file.write_text(json.dumps({**told, "is_pending": True}))
    home.nexus("memory", "import", str(file))
    assert "waits for your yes" in home.nexus("memory", "list", "--pending").out
    assert home.nexus("memory", "accept", told["id"]).code == 0
    assert home.nexus("memory", "list", "--pending", "--json").lines == []


@pytest.mark.parametrize(
    ("words", "about"),
    [
        (("add", " "), "text"),
        (("add", "x", "--kind", "rumour"), "--kind"),
        (("list", "--kind", "rumour"), "preference, fact, procedure"),
        (("edit", "none", "x"), "none"),
        (("accept", "none"), "none"),
        (("forget",), "--all"),
        (("forget", "none"), "no such memory"),
        (("forget", "none", "--all"), "ID"),
    ],
)
def test_what_cannot_be_done_is_said_and_ends_with_a_code(
    home: Home, words: tuple[str, ...], about: str
) -> None:
    refused = home.nexus("memory", *words)
    assert refused.code == 2
    assert about in refused.err


def test_an_import_that_is_none_names_its_line(home: Home) -> None:
    assert "line 2" in home.nexus("memory", "import", "-", stdin='{"id": "m1"}\n{oops').err
    assert "no. 1" in home.nexus("memory", "import", "-", stdin='{"id": "m1"}').err


def test_a_store_that_cannot_be_is_named_with_the_setting(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for setting, about in (
        ("redis", "NEXUS_MEMORY"),
        ("pinecone:memories", "NEXUS_ENCRYPTION_KEY"),
        ("off", "NEXUS_MEMORY=sqlite"),
    ):
        monkeypatch.setenv("NEXUS_MEMORY", setting)
        refused = home.nexus("memory", "list")
        assert refused.code == 2
        assert about in refused.err


def test_with_a_key_the_files_hold_no_word_of_it_whichever_the_store(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("langchain_chroma", reason="langchain-chroma is not installed")
    monkeypatch.setenv("NEXUS_ENCRYPTION_KEY", "A" * 43)
    for store in ("sqlite", "chroma"):
        monkeypatch.setenv("NEXUS_MEMORY", store)
        home.nexus("memory", "add", "The zebracanary likes oysters")
        (kept,) = home.nexus("memory", "list", "--json").lines
        assert kept["text"] == "The zebracanary likes oysters"
    held = subprocess.run(
        ["grep", "-rl", "zebracanary", home.path], capture_output=True, text=True, check=False
    )
    assert held.stdout == ""
