"""What every tool index promises, and how well ours finds real tools."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nexus.core.tool import ToolSpec
from nexus.errors import ModelMissing
from nexus.models.minilm import MiniLM
from nexus.ports.index import ToolIndex
from nexus.tools.index import HybridIndex
from tests.bench.toolselect import load_set, measure, ours, shared_folder
from tests.bench.toolselect_data import load_catalogue
from tests.bench.toolselect_peers import Remembering, meaning_alone
from tests.bench.toolselect_recall import first_pass_recall
from tests.unit.tools_index.counting import WordCounts

MAIL = ToolSpec("MAIL_SEND", "mail", "Send", "Sends a message to people.", {"type": "object"})
NOTE = ToolSpec("NOTE_WRITE", "note", "Write", "Writes something down.", {"type": "object"})

needs_data = pytest.mark.skipif(
    not (shared_folder() / "data" / "toolselect").is_dir(), reason="the data to measure with is not here"
)


@pytest.fixture
async def minilm() -> MiniLM:
    """The real embedder, where it is installed."""
    model = MiniLM()
    try:
        await model.embed(["is the model here?"])
    except ModelMissing as missing:
        pytest.skip(str(missing))
    return model


@pytest.fixture(params=["words", "words and meaning"])
async def index(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ToolIndex]:
    """Each kind of index, with two tools in it."""
    made = HybridIndex(None if request.param == "words" else WordCounts(), tmp_path)
    await made.update([MAIL, NOTE])
    await made.ready()
    yield made
    await made.close()


async def test_the_best_tool_comes_first_with_the_score_one(index: ToolIndex):
    best = (await index.search("send a message"))[0]
    assert (best.slug, best.score) == ("MAIL_SEND", 1.0)


async def test_scores_fall_and_stay_between_zero_and_one(index: ToolIndex):
    scores = [hit.score for hit in await index.search("send or write a message")]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


async def test_no_more_than_limit_come_back(index: ToolIndex):
    assert len(await index.search("send or write", limit=1)) == 1


async def test_an_empty_query_finds_nothing(index: ToolIndex):
    assert not await index.search(" ")


async def test_exactly_the_updated_tools_are_findable(index: ToolIndex):
    await index.update([NOTE])
    assert [hit.slug for hit in await index.search("send or write a message")] == ["NOTE_WRITE"]
    await index.update([])
    assert not await index.search("send or write a message")


async def test_the_same_search_gives_the_same_answer(index: ToolIndex):
    assert await index.search("write a message") == await index.search("write a message")


async def figures(set_name: str, index: HybridIndex) -> list[float]:
    tools, queries = load_set(set_name)
    await index.update(tools)
    await index.ready()
    try:
        return await measure(ours(index), queries[:300])
    finally:
        await index.close()


@needs_data
@pytest.mark.parametrize(
    ("set_name", "recall_at_20"), [("metatool", 70.0), ("toollinkos", 94.0), ("composio_handmade", 80.0)]
)
async def test_words_alone_find_most_real_tools(set_name: str, recall_at_20: float):
    _, _, _, found, _ = await figures(set_name, HybridIndex(None, None))
    assert found >= recall_at_20


@needs_data
@pytest.mark.parametrize(("set_name", "recall_at_20"), [("metatool", 88.0), ("toollinkos", 98.5)])
async def test_words_and_meaning_together_are_ahead_of_either(
    tmp_path: Path, minilm: MiniLM, set_name: str, recall_at_20: float
):
    tools, queries = load_set(set_name)
    embedder = Remembering(minilm)
    meaning = await measure(await meaning_alone(tools, embedder), queries[:300])
    words = await figures(set_name, HybridIndex(None, None))
    both = await figures(set_name, HybridIndex(embedder, tmp_path))
    assert both[-1] > max(words[-1], meaning[-1])
    assert both[3] >= recall_at_20


@needs_data
async def test_a_first_pass_finds_what_an_exact_search_of_real_tools_finds(
    minilm: MiniLM, monkeypatch: pytest.MonkeyPatch
):
    """Of fewer tools than need one, so that it is quick; as many fewer are then looked at exactly."""
    tools = load_catalogue()[::10]
    monkeypatch.setattr("nexus.tools.fusion.REFINED", 128)
    queries = [query.text for query in load_set("composio_handmade")[1]]
    assert await first_pass_recall(tools, queries, minilm) >= 99
