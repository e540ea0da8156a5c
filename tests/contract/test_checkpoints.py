"""LangGraph's own conformance suite over our checkpointer, its optional capabilities included."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from itertools import count
from pathlib import Path

import pytest
from langgraph.checkpoint.conformance import validate
from langgraph.checkpoint.conformance.capabilities import Capability
from langgraph.checkpoint.conformance.initializer import RegisteredCheckpointer

from nexus.store.checkpoints import Checkpoints, open_checkpoints


@pytest.mark.parametrize("on_the_spot", [True, False], ids=["on the spot", "in the thread"])
@pytest.mark.parametrize("capability", [each.value for each in Capability])
async def test_the_checkpointer_keeps_the_whole_contract(
    tmp_path: Path, capability: str, *, on_the_spot: bool
) -> None:
    numbers = count()

    async def fresh() -> AsyncGenerator[Checkpoints]:
        async with open_checkpoints(tmp_path / f"{next(numbers)}.db", on_the_spot=on_the_spot) as saver:
            yield saver

    report = await validate(RegisteredCheckpointer("nexus", fresh), capabilities={capability})
    result = report.results[capability]
    assert result.detected
    assert result.failures == []
    assert result.tests_passed > 0
