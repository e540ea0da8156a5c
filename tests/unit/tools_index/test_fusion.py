from __future__ import annotations

from dataclasses import replace

import numpy as np

from nexus.core.tool import ToolSpec
from nexus.ports.embeddings import Matrix
from nexus.tools.catalogue import Catalogue, no_tools, no_words
from nexus.tools.first_pass import FirstPass, products
from nexus.tools.fusion import Asked, found

ASKED = np.array([[1, 0]], np.float32)


def towards(cosine: float) -> list[float]:
    """A vector of length one, so near to what is asked."""
    return [cosine, float(np.sqrt(1 - cosine**2))]


def catalogue(tools: dict[str, tuple[str, float]]) -> Catalogue:
    """Tools by slug, with description and nearness to what is asked."""
    specs = {
        slug: ToolSpec(slug, "", slug, description, {"type": "object"})
        for slug, (description, _) in tools.items()
    }
    matrix = np.array([towards(cosine) for _, cosine in tools.values()], np.float32)
    made = no_tools().with_tools(specs, no_words())
    return replace(made, matrix=matrix, rows=np.arange(len(tools)))


def order(tools: Catalogue, text: str) -> list[str]:
    places, scores = found(tools, Asked([text], ASKED), [], len(tools.slugs))
    return [tools.slugs[places[at]] for at in np.argsort(-scores)]


OTHERS = {f"other{number}": ("turns on the lamp", 0.1) for number in range(40)}
TOOLS = catalogue(
    {
        "near": ("closes a window", 0.6),
        "worded": ("weighs amber beetles nightly under copper domes", 0.45),
        "far": ("", 0.0),
        **OTHERS,
    }
)


def test_one_word_in_common_proves_less_than_a_nearer_meaning():
    assert order(TOOLS, "what shall I do with my beetles")[:2] == ["near", "worded"]


def test_many_rare_words_in_common_prove_more():
    assert order(TOOLS, "weigh amber beetles nightly under copper domes")[:2] == ["worded", "near"]


def test_a_tool_without_a_vector_is_judged_by_its_words():
    rows = np.arange(len(TOOLS.slugs))
    rows[1] = -1
    assert order(replace(TOOLS, rows=rows), "weigh amber beetles nightly")[0] == "worded"


def test_a_first_pass_estimates_the_dot_products():
    random = np.random.default_rng(7)
    matrix: Matrix = random.normal(size=(500, 160)).astype(np.float32) * np.linspace(2, 0, 160, dtype="f4")
    asked = matrix[:3]
    estimates = FirstPass(matrix).estimates(asked)
    exact = products(matrix, asked)
    assert np.allclose(exact, matrix @ asked.T, rtol=1e-3, atol=1e-3)
    assert np.corrcoef(estimates.ravel(), exact.ravel())[0, 1] > 0.99
