"""One setting, one model."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus.errors import SettingsInvalid
from nexus.models.selection import (
    ModelChoice,
    build_model,
    choice_of,
    choose_default,
    installed_models,
    parse_choice,
)
from tests.servers.ollama import OllamaStandIn
from tests.servers.running import running

NOBODY = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("setting", "choice"),
    [
        ("ollama:qwen2.5-coder:3b", ModelChoice("ollama", "qwen2.5-coder:3b")),
        ("embedded:qwen2.5-coder-1.5b", ModelChoice("embedded", "qwen2.5-coder-1.5b")),
        ("embedded:/data/my.gguf", ModelChoice("embedded", "my.gguf", file=Path("/data/my.gguf"))),
        ("openai:http://127.0.0.1:8080/v1#n", ModelChoice("openai", "n", url="http://127.0.0.1:8080/v1")),
    ],
)
def test_each_form_is_understood_and_written_back(setting: str, choice: ModelChoice):
    assert parse_choice(setting) == choice
    assert choice.setting == setting


@pytest.mark.parametrize(
    "setting",
    [
        "",
        "gpt-4",
        "ollama:",
        "embedded:",
        "embedded:llama",
        "openai:127.0.0.1#x",
        "openai:http://a/v1",
        "cloud:x",
        "openai:http://a#",
    ],
)
def test_a_setting_that_means_no_model_is_refused_with_the_three_forms(setting: str):
    with pytest.raises(SettingsInvalid) as caught:
        parse_choice(setting)
    for form in ("ollama:", "embedded:", "openai:"):
        assert form in (caught.value.remedy or "")


@pytest.mark.parametrize(
    ("names", "setting"),
    [
        (["llama3:8b", "qwen2.5-coder:7b", "qwen2.5-coder:3b"], "ollama:qwen2.5-coder:3b"),
        (["qwen2.5-coder:1.5b", "qwen2.5-coder:7b"], "ollama:qwen2.5-coder:7b"),
        (["llama3:8b"], "embedded:qwen2.5-coder-1.5b"),
    ],
)
async def test_the_default_is_the_best_coder_that_ollama_has_else_the_embedded_one(
    names: list[str], setting: str
):
    with running(OllamaStandIn(models={name: {} for name in names}).app) as url:
        assert (await choice_of(None, ollama_url=url)).setting == setting


def test_without_ollama_the_default_is_the_embedded_model():
    assert choose_default(NOBODY).setting == "embedded:qwen2.5-coder-1.5b"


async def test_a_setting_wins_over_the_default():
    assert (await choice_of("ollama:phi4", ollama_url=NOBODY)).name == "phi4"


@pytest.mark.parametrize("setting", ["ollama:gpt-oss:120b-cloud", "openai:https://api.example.com/v1#gpt"])
def test_a_model_elsewhere_is_refused_until_the_operator_says_so(setting: str, tmp_path: Path):
    with pytest.raises(SettingsInvalid, match="prompts would go there"):
        build_model(parse_choice(setting), models_dir=tmp_path)
    assert build_model(parse_choice(setting), models_dir=tmp_path, allow_remote_model=True).name == setting


@pytest.mark.parametrize(
    "setting", ["ollama:phi4", "embedded:qwen2.5-coder-0.5b", "openai:http://localhost:1/v1#m"]
)
async def test_a_model_that_is_built_has_loaded_nothing_and_names_its_setting(setting: str, tmp_path: Path):
    model = build_model(parse_choice(setting), models_dir=tmp_path, num_ctx=4096)
    assert (model.name, model.context_tokens) == (setting, 4096)
    await model.close()


def test_the_list_says_what_is_here_and_what_can_be_fetched(tmp_path: Path):
    standing = OllamaStandIn(models={"qwen2.5-coder:3b": {"size": 5}, "big:120b-cloud": {"size": 1}})
    with running(standing.app) as url:
        found = {each.setting: each for each in installed_models(tmp_path, url)}
    assert set(found) == {
        "embedded:qwen2.5-coder-1.5b",
        "embedded:qwen2.5-coder-0.5b",
        "ollama:qwen2.5-coder:3b",
    }
    assert not found["embedded:qwen2.5-coder-1.5b"].is_installed
    assert "not for commercial use" in found["ollama:qwen2.5-coder:3b"].licence
