"""`nexus doctor` and `nexus model`: what is wrong, and what to do about it."""

from __future__ import annotations

import json
import sqlite3
import tomllib
from pathlib import Path

import pytest

from tests.cli.console import Home, Result


def checks(done: Result) -> dict[str, dict[str, str]]:
    return {check["name"]: check for check in done.lines[0]["checks"]}


@pytest.fixture
def bare(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home without any model: no weights, and nothing where Ollama would be."""
    monkeypatch.setenv("NEXUS_MODELS_DIR", str(home.path / "models"))
    monkeypatch.setenv("NEXUS_OLLAMA_URL", "http://127.0.0.1:9")
    return home


def test_missing_weights_are_bad_and_the_remedy_is_a_command(bare: Home) -> None:
    done = bare.nexus("doctor", "--json")
    assert done.code == 1
    assert done.lines[0]["ok"] is False
    model = checks(done)["model"]
    assert model["level"] == "bad"
    assert model["remedy"] == "nexus model pull qwen2.5-coder-1.5b"


def test_old_sqlite_is_a_warning(bare: Home) -> None:
    expected = "ok" if sqlite3.sqlite_version_info >= (3, 51, 3) else "warn"
    assert checks(bare.nexus("doctor", "--json"))["sqlite"]["level"] == expected


def test_an_open_home_and_an_open_database_are_warnings_with_a_remedy(bare: Home) -> None:
    bare.nexus("threads", "list")
    bare.path.chmod(0o755)
    (bare.path / "nexus.db").chmod(0o644)
    done = bare.nexus("doctor")
    assert f"chmod 700 {bare.path}" in done.out
    bare.path.chmod(0o700)


def test_what_waits_is_told(bare: Home) -> None:
    bare.will_say(("desk_send", {"to": "design@example.com"}))
    bare.nexus("run", "Email design@example.com")
    found = checks(bare.nexus("doctor", "--json"))
    assert found["approvals"]["text"].startswith("1 wait")
    assert found["tools"]["level"] == "ok"


def test_a_bad_setting_is_a_finding_not_a_crash(bare: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_PORT", "much")
    done = bare.nexus("doctor", "--json")
    assert done.code == 1
    assert "NEXUS_PORT" in checks(done)["settings"]["text"]


def test_doctor_makes_nothing(bare: Home) -> None:
    home = bare.path / "new"
    assert bare.nexus("doctor", "--home", str(home)).code == 1
    assert not home.exists()


def test_the_chosen_model_is_kept_beside_the_other_settings(bare: Home) -> None:
    file = bare.path / "nexus.toml"
    file.write_text("# mine\nmax_steps = 7\n")
    done = bare.nexus("model", "use", "embedded:qwen2.5-coder-0.5b")
    assert done.code == 0
    assert "nexus model pull qwen2.5-coder-0.5b" in done.out
    assert file.read_text().startswith("# mine\nmax_steps = 7\n")
    assert tomllib.loads(file.read_text())["model"] == "embedded:qwen2.5-coder-0.5b"
    shown = bare.nexus("model", "show", "--json")
    assert shown.code == 5
    assert shown.lines[0]["model"] == "embedded:qwen2.5-coder-0.5b"


def test_a_setting_that_names_no_model_is_refused_with_the_forms(bare: Home) -> None:
    done = bare.nexus("model", "use", "gpt-4")
    assert done.code == 2
    assert "ollama:" in done.err
    assert not (bare.path / "nexus.toml").exists()


def test_a_variable_that_overrules_the_file_is_named(bare: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_MODEL", "embedded:qwen2.5-coder-1.5b")
    done = bare.nexus("model", "use", "embedded:qwen2.5-coder-0.5b")
    assert done.code == 2
    assert "NEXUS_MODEL is set" in done.out


def test_the_list_has_both_embedded_models_with_their_licences(bare: Home) -> None:
    listed = {line["model"]: line for line in bare.nexus("model", "list", "--json").lines}
    assert listed["embedded:qwen2.5-coder-1.5b"]["in_force"] is True
    assert listed["embedded:qwen2.5-coder-0.5b"]["licence"] == "Apache-2.0"


def test_weights_that_are_not_the_right_bytes_are_not_taken(bare: Home, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.gguf"
    wrong.write_bytes(b"GGUF")
    done = bare.nexus("model", "pull", "qwen2.5-coder-0.5b", "--file", str(wrong))
    assert done.code == 5
    assert "468.6 MiB" in done.out
    assert "wrong.gguf" in done.err
    assert not list((bare.path / "models").glob("*.gguf"))


def test_only_weights_that_nexus_keeps_can_be_pulled(bare: Home) -> None:
    assert "ollama pull qwen2.5-coder:3b" in bare.nexus("model", "pull", "ollama:qwen2.5-coder:3b").err
    assert bare.nexus("model", "pull", "nonsense").code == 2


def test_json_of_doctor_is_one_object(bare: Home) -> None:
    assert set(json.loads(bare.nexus("doctor", "--json").out)) == {"ok", "checks"}
