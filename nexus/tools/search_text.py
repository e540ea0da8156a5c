"""What search reads of a tool: one text for words, a shorter one for meaning."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping

from nexus.core.tool import ToolSpec

TEXT_VERSION = "1"
"""Changes whenever `dense_text` is made differently, so that older vectors are not reused."""

DENSE_DESCRIPTION = 300
"""Characters of the description the vector is made from: longer ones blur it (measured)."""

_PARAMETER_NAMES = 20
_PARAMETER_DESCRIPTIONS = 12
_PARAMETER_DESCRIPTION = 80
_SEPARATORS = re.compile(r"[_\-./:{}\s]+")
_CAMEL = re.compile(
    r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z]{2})"
)
_WORD = re.compile(r"[^\W_]+")


def split_name(name: str) -> str:
    """The words of a slug or identifier: `GMAIL_SEND_EMAIL` and `sendEmail` as a person would write them."""
    return " ".join(_CAMEL.sub(" ", _SEPARATORS.sub(" ", name)).split()).lower()


def fold(text: str) -> str:
    """`text` without case and accents, so that `Köln` and `koln` are one word."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def words(text: str) -> list[str]:
    """The folded words of `text`, in order."""
    return _WORD.findall(fold(text))


def with_parts(query: str) -> str:
    """`query` with compound words beside their parts: tools say `git hub`, `github` or both."""
    return " ".join(
        word if (parts := split_name(word)) == word.lower() else f"{word} {parts}"
        for word in _WORD.findall(query)
    )


def lexical_text(spec: ToolSpec) -> str:
    """The text whose words find the tool; its name counts twice."""
    name = split_name(spec.slug)
    return " ".join((name, _heading(spec, name), spec.description, *_parameters(spec)))


def dense_text(spec: ToolSpec) -> str:
    """The text whose meaning finds the tool."""
    return f"{_heading(spec, split_name(spec.slug))}. {_beginning(' '.join(spec.description.split()))}"


def dense_key(spec: ToolSpec) -> bytes:
    """16 bytes that change whenever `dense_text` does."""
    parts = (TEXT_VERSION, spec.slug, spec.toolkit, spec.title, spec.description)
    return hashlib.blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _parameters(spec: ToolSpec) -> Iterator[str]:
    """The words of the parameters' names, and how their descriptions begin."""
    properties = spec.parameters.get("properties")
    if not isinstance(properties, Mapping):
        return
    for place, (name, schema) in enumerate(properties.items()):
        if place < _PARAMETER_NAMES:
            yield split_name(str(name))
        description = schema.get("description") if isinstance(schema, Mapping) else None
        if place < _PARAMETER_DESCRIPTIONS and isinstance(description, str):
            yield description[:_PARAMETER_DESCRIPTION]


def _heading(spec: ToolSpec, name: str) -> str:
    """Toolkit, name and title, each only where it adds a word."""
    heading = name
    for extra in (split_name(spec.toolkit), split_name(spec.title)):
        if not set(extra.split()) <= set(heading.split()):
            heading = f"{extra} {heading}"
    return heading


def _beginning(description: str) -> str:
    """Whole sentences of the first `DENSE_DESCRIPTION` characters; a longer first one is cut."""
    if len(description) <= DENSE_DESCRIPTION:
        return description
    cut = description[:DENSE_DESCRIPTION]
    end = max(cut.rfind(". "), cut.rfind("; "))
    return cut[: end + 1] if end > DENSE_DESCRIPTION // 4 else cut
