"""Values that a simplified schema allows, as a grammar would let a model write them."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st

from nexus.core.plain_schema import Node

LARGEST = 2**53 - 1  # RFC 8785: beyond it, JSON numbers are not exact


def values(node: Node) -> st.SearchStrategy[Any]:
    """Anything that fits `node`, which has no references and no combinators."""
    if "enum" in node:
        return st.sampled_from(node["enum"])
    match node["type"]:
        case "object":
            return _objects(node)
        case "array":
            least = node.get("minItems", 0)
            most = max(least, min(node["maxItems"], least + 3))
            return st.lists(values(node["items"]), min_size=least, max_size=most)
        case "string":
            return _texts(node)
        case "integer" | "number":
            return _numbers(node)
        case single:
            return st.booleans() if single == "boolean" else st.none()


def _objects(node: Node) -> st.SearchStrategy[dict[str, Any]]:
    if "properties" not in node:
        inner = node.get("additionalProperties")
        return st.dictionaries(st.text(max_size=5), values(inner), max_size=2) if inner else st.just({})
    parts = {name: values(part) for name, part in node["properties"].items()}
    required = {name: part for name, part in parts.items() if name in node["required"]}
    optional = {name: part for name, part in parts.items() if name not in node["required"]}
    return st.fixed_dictionaries(required, optional=optional)


def _texts(node: Node) -> st.SearchStrategy[str]:
    least = node.get("minLength", 0)
    most = node.get("maxLength", least + 10)
    letters = st.characters(exclude_categories=["Cs"])
    if "pattern" in node:
        found = st.from_regex(node["pattern"], alphabet=letters)
        return found.filter(lambda text: least <= len(text) <= node.get("maxLength", len(text)))
    return st.text(letters, min_size=least, max_size=most)


def _numbers(node: Node) -> st.SearchStrategy[int]:
    """Whole numbers, which both types allow."""
    step = node.get("multipleOf", 1)
    above, below = node.get("exclusiveMinimum", -math.inf), node.get("exclusiveMaximum", math.inf)
    least = max(node.get("minimum", -LARGEST), -LARGEST, above + 1)
    most = min(node.get("maximum", LARGEST), LARGEST, below - 1)
    if most < least:  # only fractions fit
        return st.just(node.get("minimum", node.get("maximum", 0)))
    return st.integers(math.ceil(least / step), math.floor(most / step)).map(lambda number: number * step)
