"""What the first pass over many vectors loses against reading all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nexus.core.tool import ToolSpec
from nexus.ports.embeddings import Embedder
from nexus.tools import search_text
from nexus.tools.catalogue import no_tools, no_words
from nexus.tools.first_pass import FirstPass
from nexus.tools.fusion import Asked
from nexus.tools.ranking import best
from tests.bench.toolselect_peers import DEPTH


async def first_pass_recall(tools: Sequence[ToolSpec], queries: Sequence[str], embedder: Embedder) -> float:
    """How many of the best `DEPTH` of an exact search are found with a first pass too, in percent."""
    matrix = await embedder.embed([search_text.dense_text(tool) for tool in tools])
    catalogue = no_tools().with_tools({tool.slug: tool for tool in tools}, no_words())
    exact = replace(catalogue, matrix=matrix, rows=np.arange(len(tools)))
    quick = replace(exact, first_pass=FirstPass(matrix))
    agreed: list[float] = []
    for query in queries:
        texts = [query, *search_text.sentences(query)]
        asked = Asked(texts, await embedder.embed(texts))
        found, wanted = ({hit.slug for hit in best(each, asked, None, DEPTH)} for each in (quick, exact))
        agreed.append(len(found & wanted) / len(wanted))
    return 100 * float(np.mean(agreed))
