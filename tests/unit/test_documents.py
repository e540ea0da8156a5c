"""What the documents say is true of the code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from nexus.settings import Settings, variable_of
from nexus.tools.functions import FunctionsProvider

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FIXED = {"pyproject.toml", "README.md", "LICENSE", "langgraph.json", "nexus", "graphs", "tests"}


@pytest.mark.parametrize(
    "block", [each for each in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "@tool" in each]
)
async def test_the_readmes_toolkit_runs(block: str, tmp_path: Path):
    """The example is a toolkit, as a file in the folder of functions, and its tool can be called."""
    (tmp_path / "home.py").write_text(block, encoding="utf-8")
    provider = FunctionsProvider(tmp_path, group=None)
    (spec,) = await provider.tools()
    assert (spec.slug, spec.title, spec.is_read_only) == ("home_turn_on", "Turn on a light", False)
    assert (await provider.call(spec, {"room": "kitchen"}, key="k")).text == "The light in the kitchen is on."


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`(tests/[\w/.]+)`", README))))
def test_every_test_the_readme_names_is_there(path: str):
    """A promise names a file or folder of tests that exists."""
    assert (ROOT / path).exists()


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(r"NEXUS_([A-Z_]+)", README + (ROOT / ".env.example").read_text("utf-8"))))
)
def test_every_setting_the_documents_name_is_one(name: str):
    """No setting is promised that nothing reads."""
    assert name.lower() in Settings.model_fields


def test_every_setting_is_in_the_example():
    """Whoever copies it sees all there is; tables of nexus.toml are described beside."""
    text = (ROOT / ".env.example").read_text("utf-8")
    variables = {name: variable_of(name) for name in Settings.model_fields if name not in {"policy", "mcp"}}
    assert [name for name, variable in variables.items() if f"#{variable}=" not in text] == []


def test_the_top_level_is_exactly_what_the_owner_fixed():
    """Folders and files beside dotfiles and what a checkout is littered with."""
    found = {entry.name for entry in ROOT.iterdir() if not entry.name.startswith(".")}
    assert found - {"dist", "build"} - {name for name in found if name.endswith(".egg-info")} == FIXED


def test_the_architecture_page_stays_short():
    """At most a hundred lines."""
    assert len((ROOT / "nexus" / "ARCHITECTURE.md").read_text("utf-8").splitlines()) <= 100


def test_the_development_servers_configuration_names_the_graph():
    """`langgraph dev` finds the graph where it is said to be."""
    graphs = json.loads((ROOT / "langgraph.json").read_text("utf-8"))["graphs"]
    path, name = graphs["nexus"].split(":")
    assert f"def {name}(" in (ROOT / path).read_text("utf-8")
