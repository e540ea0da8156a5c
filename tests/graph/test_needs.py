"""How a request is split into needs, and what is found for them is merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from graphs.needs import merged, needs_in
from graphs.tool_select import FEW_TOOLS
from nexus.errors import OutputCut
from nexus.ports.index import Hit
from nexus.ports.model import ChatMessage, Completion
from nexus.testing import FixedIndex
from tests.planned_model import PlannedModel
from tests.world import READ, MakeWorld

BOTH = "find the bug report and mail it to the team"


@pytest.mark.parametrize(
    ("request_text", "needs"),
    [
        (BOTH, ["find the bug report", "mail it to the team"]),
        ("Look it up, then write it down", ["Look it up", "write it down"]),
        ("mail Ana and Ben", []),
        ("write to Ben and Ana, then note it down", ["write to Ben Ana", "note it down"]),
        ("send a mail", []),
        ("", []),
    ],
)
def test_a_request_is_split_at_its_punctuation_and_its_ands(request_text: str, needs: list[str]):
    assert needs_in(request_text) == needs


def test_what_serves_the_request_and_one_of_its_needs_comes_first():
    request = [Hit("a", 1.0), Hit("b", 0.8), Hit("c", 0.2)]
    needs = [[Hit("b", 1.0), Hit("d", 0.5)], [Hit("c", 1.0), Hit("b", 0.1)]]
    assert merged(request, needs, 9) == [Hit("b", 0.9), Hit("c", 0.6), Hit("a", 0.5), Hit("d", 0.25)]


def test_what_a_need_finds_first_is_always_among_the_found_though_the_request_finds_others_better():
    request = [Hit(slug, 1.0) for slug in "abcdef"]
    needs = [[Hit(slug, 0.9) for slug in "abcdef"], [Hit("x", 1.0), Hit("y", 0.9), Hit("z", 0.8)]]
    assert "".join(hit.slug for hit in merged(request, needs, 5)) == "abcxy"


def test_without_needs_it_is_the_request_that_counts():
    assert merged([Hit("a", 1.0), Hit("b", 0.8)], [], 1) == [Hit("a", 1.0)]


def test_so_is_what_the_name_of_a_need_finds_first():
    request = [Hit(slug, 1.0) for slug in "abcdef"]
    need = [Hit(slug, 1.0) for slug in "abcdef"]
    found = merged(request, [need], 4, names=[[Hit("x", 0.7), Hit("a", 0.6), Hit("y", 0.5)]])
    assert "".join(hit.slug for hit in found) == "abcx"


def test_apps_that_are_not_connected_keep_their_places_whatever_the_connected_ones_offer():
    """One place in four, by turns from what each need and the request find first of them."""
    connected = [Hit(slug, 1.0) for slug in "abcdefgh"]
    mail, bug = [*connected, Hit("x", 0.1), Hit("y", 0.1)], [*connected, Hit("z", 0.1)]
    found = merged(mail, [mail, bug], 8, others=set("xyz"))
    assert "".join(hit.slug for hit in found) == "abcdefxz"
    alone = merged(mail, [], 4, others=set("xyz"))
    assert "".join(hit.slug for hit in alone) == "abcx"


async def test_a_run_searches_for_the_request_and_for_each_of_its_needs(make_world: MakeWorld):
    world = await make_world()
    await world.start(BOTH)
    assert isinstance(world.parts.index, FixedIndex)
    assert world.parts.index.queries == [BOTH, *needs_in(BOTH)]


class Naming(PlannedModel):
    """A model that knows what to look for, or cannot say it."""

    said: str = '{"functions": ["mail_send: send a mail"]}'

    async def complete(self, messages: Sequence[ChatMessage], **more: Any) -> Completion:
        if "functions" in (more.get("schema") or {"properties": ()})["properties"]:
            if not self.said:
                raise OutputCut("The answer was cut off.")
            return Completion(self.said, prompt_tokens=9, cached_tokens=2, completion_tokens=4, seconds=0.0)
        return await super().complete(messages, **more)


@pytest.mark.parametrize(
    ("said", "needs"),
    [
        (Naming.said, ["mail_send: send a mail", "mail send"]),
        ("", ["find the bug report", "mail it to the team"]),
    ],
)
async def test_among_many_tools_the_model_names_what_to_look_for_and_punctuation_serves_if_it_cannot(
    make_world: MakeWorld, said: str, needs: list[str]
):
    world = await make_world()
    world.tools.specs |= {
        f"tool_{number}": replace(READ, slug=f"tool_{number}") for number in range(FEW_TOOLS)
    }
    world.model = Naming(world.model.plan)
    world.model.said = said
    world.wire()
    await world.start(BOTH)
    assert isinstance(world.parts.index, FixedIndex)
    assert world.parts.index.queries == [BOTH, *needs]
    spent = (await world.graph.aget_state(world.config())).values["spent"]
    assert spent["steps"] == 1
