"""What every desk tool promises to the model, the policy and the person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from nexus.core.tool import ToolSpec
from nexus.testing import FakeClock
from nexus.tools.desk import desk_provider
from nexus.tools.local import LocalProvider

READ = {"readOnlyHint"}
CREATE = {"createHint"}
DESTROY = {"destructiveHint"}
CHANGE_ONCE = {"updateHint", "idempotentHint"}

HINTS: dict[str, set[str]] = {
    "desk_list_emails": READ,
    "desk_search_emails": READ,
    "desk_read_email": READ,
    "desk_list_sent_emails": READ,
    "desk_draft_email": CREATE,
    "desk_send_email": {"createHint", "openWorldHint"},
    "desk_list_events": READ,
    "desk_find_event": READ,
    "desk_find_free_time": READ,
    "desk_create_event": CREATE,
    "desk_move_event": CHANGE_ONCE,
    "desk_delete_event": DESTROY,
    "desk_find_contact": READ,
    "desk_add_contact": CREATE,
    "desk_update_contact": CHANGE_ONCE,
    "desk_list_notes": READ,
    "desk_read_note": READ,
    "desk_search_notes": READ,
    "desk_write_note": {"createHint", "updateHint", "destructiveHint", "idempotentHint"},
    "desk_add_to_note": {"updateHint"},
    "desk_delete_note": DESTROY,
    "desk_list_tasks": READ,
    "desk_add_task": CREATE,
    "desk_complete_task": CHANGE_ONCE,
    "desk_delete_task": DESTROY,
}


@pytest.fixture(name="specs")
async def _specs(desk: LocalProvider) -> list[ToolSpec]:
    """Every tool of the desk."""
    return list(await desk.tools())


def test_the_hints_are_exactly_these(specs: list[ToolSpec]):
    assert {spec.slug: set(spec.hints) for spec in specs} == HINTS


def test_only_pure_reads_are_read_only(specs: list[ToolSpec]):
    assert {spec.slug for spec in specs if spec.is_read_only} == {
        slug for slug, hints in HINTS.items() if hints == READ
    }


def test_every_summary_is_one_short_line_of_its_own(specs: list[ToolSpec]):
    summaries = [spec.summary for spec in specs]

    assert len(set(summaries)) == len({spec.title for spec in specs}) == len(specs) == 25
    assert all(20 <= len(summary) <= 90 and summary.endswith(".") for summary in summaries)
    assert all(spec.description == spec.summary for spec in specs)


def _nodes(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [node for part in schema for node in _nodes(part)]
    if not isinstance(schema, dict):
        return []
    return [schema, *(node for part in schema.values() for node in _nodes(part))]


def test_every_schema_is_a_plain_closed_object(specs: list[ToolSpec]):
    for spec in specs:
        Draft202012Validator.check_schema(spec.parameters)
        assert spec.parameters["type"] == "object"
        assert spec.parameters["additionalProperties"] is False
        nodes = [node for part in spec.parameters["properties"].values() for node in _nodes(part)]
        assert not [node for node in nodes if {"$ref", "$defs", "anyOf", "title"} & node.keys()], spec.slug


def test_every_parameter_is_described_and_few_are_required(specs: list[ToolSpec]):
    for spec in specs:
        properties = spec.parameters["properties"]
        assert all(part.get("description") for part in properties.values()), spec.slug
        assert all(part["type"] in ("string", "array", "integer", "boolean") for part in properties.values())
        assert len(properties) <= 5
        assert len(spec.parameters["required"]) <= 3


def test_times_are_explained_by_an_example(specs: list[ToolSpec]):
    for spec in specs:
        for name in {"start", "date", "due"} & spec.parameters["properties"].keys():
            assert "2026-11-27" in spec.parameters["properties"][name]["description"], (spec.slug, name)


async def test_a_desk_that_was_never_used_reads_as_empty_and_makes_no_files(tmp_path: Path):
    desk = desk_provider(tmp_path / "none", FakeClock())
    sample = {"query": "x", "title": "x", "date": "2026-11-27", "name": "x", "email_id": "mail-1"}
    for spec in await desk.tools():
        if spec.is_read_only and spec.slug not in ("desk_read_email", "desk_read_note"):
            wanted = {name: sample[name] for name in spec.parameters["required"]}
            assert (await desk.call(spec, wanted, key="k")).text

    assert not (tmp_path / "none").exists()
