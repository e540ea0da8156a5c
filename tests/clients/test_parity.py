"""The table of LangGraph's routes names every route, tests that there are, and what is not served."""

from __future__ import annotations

import json
import re

import pytest

from tests.bench.toolselect_data import shared_folder
from tests.clients import parity

TEXT = parity.TABLE.read_text(encoding="utf-8")


def test_every_route_is_in_the_table_with_a_test_that_asks_it():
    rows = dict(re.findall(r"^\| `([A-Za-z]+ /[^`]*)` \| (.*) \|$", TEXT, re.MULTILINE))
    assert set(rows) == set(parity.served())
    assert [route for route, tests in rows.items() if "test_" not in tests] == []


def test_every_test_that_the_table_names_is_there():
    written = "".join(file.read_text(encoding="utf-8") for file in parity.ROOT.glob("tests/**/test_*.py"))
    there = set(re.findall(r"def (test_\w+)\(", written))
    assert set(re.findall(r"`(test_\w+)`", TEXT)) - there == set()
    assert {test for _, _, test in parity.REFUSED} <= set(re.findall(r"`(test_\w+)`", TEXT))


def test_what_the_langgraph_server_has_is_served_or_said_not_to_be():
    file = shared_folder() / "data" / "langgraph_openapi.json"
    if not file.exists():
        pytest.skip("the LangGraph server's document is not beside this checkout")
    paths = json.loads(file.read_text(encoding="utf-8"))["paths"]
    served = {_plain(route) for route in parity.served()} | {"GET /docs", "GET /openapi.json"}
    missing = {
        f"{verb.upper()} {path}" for path, item in paths.items() for verb in item if verb != "parameters"
    }
    left = [route for route in missing if _plain(route) not in served]
    unsaid = [
        route
        for route in left
        if not any(re.fullmatch(form, route.split()[1]) for form in parity.NOT_SERVED.values())
    ]
    assert unsaid == []


def _plain(route: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", route)
