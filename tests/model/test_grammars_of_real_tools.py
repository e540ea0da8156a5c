"""The grammar engine follows the simplified schemas of real tools."""

from __future__ import annotations

import pytest

from nexus.core.arguments import check_arguments
from nexus.core.simple_schema import simplified
from nexus.errors import OutputCut
from nexus.models.constrained import parse_output
from nexus.models.embedded import EmbeddedModel
from nexus.ports.model import ChatMessage
from tests.bench.desk_systems import MeteredEngine
from tests.unit.core.test_schemas_of_real_tools import CATALOGUE, catalogue

pytestmark = [
    pytest.mark.model,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not CATALOGUE.is_file(), reason="the catalogue to test with is not here"),
]

SAMPLE = 40
"""Tools that are tried, evenly spread over the catalogue; a grammar that is refused fails at once."""


async def test_a_model_writes_what_fits_the_tools_own_schema(small_engine: MeteredEngine) -> None:
    model = EmbeddedModel(small_engine, name="small")
    finished = 0
    for spec in catalogue()[:: len(catalogue()) // SAMPLE]:
        simple = simplified(spec.parameters)
        try:
            done = await model.complete([ChatMessage("user", "JSON:")], schema=simple.schema, max_tokens=60)
        except OutputCut:
            continue  # it followed the grammar as far as it got
        written = parse_output(done.text, simple.schema)
        assert isinstance(written, dict)
        check_arguments(spec, simple.restore(written))
        finished += 1
    assert finished > SAMPLE // 4
