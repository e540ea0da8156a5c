from __future__ import annotations

import numpy as np

from nexus.models.cached_embedder import KEPT, CachedEmbedder
from nexus.testing import WordEmbedder


async def test_a_text_is_embedded_once_and_every_row_is_its_own():
    inner = WordEmbedder()
    embedder = CachedEmbedder(inner)
    await embedder.embed(["tea"])
    rows = await embedder.embed(["chess", "tea", "chess"])
    assert inner.texts == ["tea", "chess"]
    assert np.array_equal(rows, await WordEmbedder().embed(["chess", "tea", "chess"]))


async def test_only_so_many_texts_are_remembered_the_oldest_go_first():
    inner = WordEmbedder()
    embedder = CachedEmbedder(inner)
    for number in range(KEPT + 1):
        await embedder.embed([f"text {number}"])
    await embedder.embed([f"text {KEPT}", "text 0"])
    assert inner.texts.count(f"text {KEPT}") == 1
    assert inner.texts.count("text 0") == 2


async def test_a_catalogue_does_not_drive_out_what_is_asked():
    inner = WordEmbedder()
    embedder = CachedEmbedder(inner)
    await embedder.embed(["tea"])
    await embedder.embed([f"tool {number}" for number in range(2 * KEPT)])
    await embedder.embed(["tea"])
    assert inner.texts.count("tea") == 1
