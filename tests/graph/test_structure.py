"""The structural facts, read off the source, and the drawn graph."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from tests.world import World

ROOT = Path(__file__).parents[2]

DRAWN = """\
---
config:
  flowchart:
    curve: linear
---
graph TD;
	__start__([<p>__start__</p>]):::first
	tool-select(tool-select)
	reason(reason)
	approve(approve)
	execute(execute)
	__end__([<p>__end__</p>]):::last
	__start__ --> tool-select;
	approve -.-> __end__;
	approve -.-> execute;
	approve -.-> tool-select;
	execute -.-> approve;
	execute -.-> tool-select;
	reason -.-> __end__;
	reason -.-> approve;
	reason -.-> tool-select;
	tool-select -.-> __end__;
	tool-select -.-> reason;
	approve -.-> approve;
	classDef default fill:#f2f0ff,line-height:1.2
	classDef first fill-opacity:0
	classDef last fill:#bfb6fc
"""


@cache
def _sources() -> list[tuple[str, ast.Module]]:
    return [
        (path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8")))
        for folder in ("nexus", "graphs")
        for path in sorted((ROOT / folder).rglob("*.py"))
    ]


@cache
def _calls() -> list[tuple[str, str]]:
    """Every call in the code base: the file, and what is called as it is written."""
    return [
        (path, ast.unparse(node.func))
        for path, tree in _sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    ]


def test_there_is_one_interrupt_and_it_is_in_approve() -> None:
    interrupts = [path for path, called in _calls() if called.split(".")[-1] == "interrupt"]
    assert interrupts == ["graphs/approve.py"]


def test_interrupt_is_imported_nowhere_else_not_even_under_another_name() -> None:
    imports = [
        path
        for path, tree in _sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for name in node.names
        if name.name == "interrupt"
    ]
    assert imports == ["graphs/approve.py"]


def test_the_tools_port_is_called_in_one_place_and_it_is_in_execute() -> None:
    called = [path for path, called in _calls() if called.endswith("tools.call")]
    assert called == ["graphs/execute.py"]


def test_execute_touches_the_tools_port_only_to_look_a_tool_up_and_in_that_call() -> None:
    tree = ast.parse((ROOT / "graphs/execute.py").read_text(encoding="utf-8"))
    used = [
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith("_parts.tools")
    ]
    assert sorted(used) == ["call", "get"]


def test_only_execute_claims_and_settles_and_only_approve_resolves() -> None:
    writes = sorted(
        (path, called.split(".")[-1])
        for path, called in _calls()
        if called.startswith("self._parts.ledger.") and not called.endswith(".get")
    )
    assert writes == [
        ("graphs/approve.py", "resolve"),
        ("graphs/approve.py", "resolve"),
        ("graphs/execute.py", "again"),
        ("graphs/execute.py", "claim"),
        ("graphs/execute.py", "claim"),
        ("graphs/execute.py", "settle"),
    ]


def test_the_graph_is_drawn_as_designed(world: World) -> None:
    assert world.graph.get_graph().draw_mermaid() == DRAWN
