"""Python files in a folder become toolkits; what is wrong with one of them is told, and stops no other."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from nexus.core.policy import Allow, Ask, Policy
from nexus.core.tool import ToolSpec
from nexus.errors import ArgumentsInvalid, NotFound
from nexus.tools.functions import FunctionsProvider

LIGHTS = '''
from __future__ import annotations
from dataclasses import dataclass
import threading
from nexus.tools.local import tool

@dataclass
class Lamp:
    """A lamp."""
    room: str
    watts: int = 5

@tool
def turn_on(lamp: Lamp, *, minutes: int = 10) -> str:
    """Turn a lamp on.

    It stays on for a while.

    Args:
        lamp: Which one, and
            how bright.
        minutes: How long it stays on.
    """
    return f"{lamp.room} {lamp.watts} {minutes}"

@tool(reads=True, title="Which lamps are on?")
def which() -> dict[str, str]:
    """Say which lamps are on."""
    return {"thread": threading.current_thread().name}

def helper() -> None:
    """Not a tool."""
'''


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "functions"
    folder.mkdir()
    (folder / "lights.py").write_text(LIGHTS)
    return folder


@pytest.fixture(name="provider")
def _provider(folder: Path) -> FunctionsProvider:
    return FunctionsProvider(folder, taken={"desk"}, group=None)


async def named(provider: FunctionsProvider, slug: str) -> ToolSpec:
    return {spec.slug: spec for spec in await provider.tools()}[slug]


async def test_marked_functions_are_tools_described_by_their_docstrings(provider: FunctionsProvider):
    specs = {spec.slug: spec for spec in await provider.tools()}

    assert specs.keys() == {"lights_turn_on", "lights_which"}
    on = specs["lights_turn_on"]
    assert (on.toolkit, on.title, on.description) == ("lights", "Turn on", "Turn a lamp on.")
    assert on.parameters["properties"]["lamp"]["description"] == "Which one, and how bright."
    assert on.parameters["properties"]["minutes"] == {
        "type": "integer",
        "default": 10,
        "description": "How long it stays on.",
    }
    assert isinstance(Policy().judge(on), Ask)
    assert isinstance(Policy().judge(specs["lights_which"]), Allow)
    assert provider.failures() == []


async def test_arguments_become_what_the_annotations_say(provider: FunctionsProvider):
    on = await named(provider, "lights_turn_on")
    assert (await provider.call(on, {"lamp": {"room": "hall"}}, key="k")).text == "hall 5 10"
    with pytest.raises(ArgumentsInvalid, match="minutes: input should be a valid integer"):
        await provider.call(on, {"lamp": {"room": "hall"}, "minutes": "long"}, key="k")


async def test_a_plain_function_does_not_run_in_the_event_loops_thread(provider: FunctionsProvider):
    result = await provider.call(await named(provider, "lights_which"), {}, key="k")
    assert json.loads(result.text)["thread"] != threading.current_thread().name


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("x = 1\nimport no_such_module_at_all\n", "line 2: ModuleNotFoundError: No module named"),
        ("x = 1\n\ndef broken(:\n", "line 3: SyntaxError"),
        ("def f():\n    raise ValueError('boom')\nf()\n", "line 2: ValueError: boom"),
        ("import sys\nsys.exit(4)\n", "line 2: SystemExit: 4"),
        ("x = 1\n", "no function is marked with @tool"),
        (
            "from nexus.tools.local import tool\n\n@tool\ndef open_door(door):\n    '''Open a door.'''\n",
            "line 3: .*annotate the parameter door",
        ),
    ],
)
async def test_a_file_that_does_not_work_is_named_with_the_line_and_the_others_work(
    folder: Path, provider: FunctionsProvider, code: str, said: str
):
    (folder / "doors.py").write_text(code)

    assert len(await provider.tools()) == 2
    (failure,) = provider.failures()
    assert failure.provider == "doors"
    assert failure.reason.startswith(str(folder / "doors.py"))
    assert re.search(said, failure.reason)


async def test_files_come_go_and_change_while_the_program_runs(folder: Path, provider: FunctionsProvider):
    before = await named(provider, "lights_turn_on")
    assert not await provider.has_changed()
    (folder / "lights.py").write_text(LIGHTS.replace("{minutes}", "{minutes} minutes"))
    assert await provider.has_changed()

    after = await named(provider, "lights_turn_on")
    assert after.version != before.version
    assert (await provider.call(after, {"lamp": {"room": "hall"}}, key="k")).text == "hall 5 10 minutes"
    with pytest.raises(NotFound, match="in this version"):
        await provider.call(before, {"lamp": {"room": "hall"}}, key="k")

    (folder / "lights.py").unlink()
    assert await provider.tools() == []


async def test_the_code_that_runs_is_the_code_that_the_version_names(
    folder: Path, provider: FunctionsProvider, monkeypatch: pytest.MonkeyPatch
):
    """Python's own cache takes code of the same length and second for the same."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    file = folder / "lights.py"
    os.utime(file, ns=(0, 1_700_000_000_100_000_000))
    await provider.tools()
    file.write_text(LIGHTS.replace("int = 10", "int = 99"))
    os.utime(file, ns=(0, 1_700_000_000_900_000_000))

    after = await named(provider, "lights_turn_on")
    assert (await provider.call(after, {"lamp": {"room": "hall"}}, key="k")).text == "hall 5 99"


async def test_a_file_cannot_take_the_name_of_another_toolkit(folder: Path, provider: FunctionsProvider):
    (folder / "desk.py").write_text(LIGHTS)
    (folder / "_private.py").write_text("raise SystemExit")
    assert {spec.toolkit for spec in await provider.tools()} == {"lights"}
    assert [failure.provider for failure in provider.failures()] == ["desk"]


async def test_no_folder_is_no_trouble(tmp_path: Path):
    provider = FunctionsProvider(tmp_path / "nowhere", group=None)
    assert await provider.tools() == []
    assert provider.failures() == []


async def test_an_installed_package_can_bring_a_toolkit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "house_tools.py").write_text(LIGHTS)
    info = tmp_path / "house-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: house\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text("[nexus.tools]\nhouse = house_tools\nbroken = no_such_house\n")
    monkeypatch.syspath_prepend(tmp_path)
    provider = FunctionsProvider(tmp_path / "nowhere")

    on: Any = await named(provider, "house_turn_on")
    assert on.version == "1+1.5"
    assert (await provider.call(on, {"lamp": {"room": "hall"}}, key="k")).text == "hall 5 10"
    assert "entry point broken: ModuleNotFoundError" in provider.failures()[0].reason
