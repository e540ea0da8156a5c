"""What search reads of a tool: one text for words, a shorter one for meaning."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice

from nexus.core.references import EMAIL
from nexus.core.tool import ToolSpec
from nexus.tools.stored_schema import StoredSchema

TEXT_VERSION = "2"
"""Changes whenever `dense_text` is made differently, so that older vectors are not reused."""

WORDS_VERSION = "2"
"""Changes whenever `lexical_text` or `words` is made differently, so that older postings are not reused."""

DENSE_DESCRIPTION = 300
"""Characters of the description the vector is made from: longer ones blur it (measured)."""

_PARAMETER_NAMES = 20
_PARAMETER_DESCRIPTIONS = 12
_PARAMETER_DESCRIPTION = 80
_SEPARATORS = re.compile(r"[_\-./:{}\s]+")
_CAMEL = re.compile(
    r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z]{2})"
)
_SENTENCE_END = re.compile(r"(?<=[.?!;])\s+|\n+")
_SHORTEST_SENTENCE = 9  # characters
_MOST_SENTENCES = 6
_WORD = re.compile(r"[^\W_]+")
_ADDRESS = re.compile(EMAIL)
_SPELLINGS = {"mail": "email", "mails": "email"}  # people write mails, apps send emails
_NAMES_KEPT = 16_384  # names whose split is remembered: most tools share the names of their parameters


@lru_cache(_NAMES_KEPT)
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
    """The folded words of `text`, in order, each in the one spelling that search knows."""
    found: list[str] = _WORD.findall(fold(text))
    return [_SPELLINGS.get(word, word) for word in found]


def asked(query: str) -> str:
    """`query` with `email address` for each address in it, whose own words would find other tools."""
    return _ADDRESS.sub("email address", query)


def sentences(query: str) -> list[str]:
    """The sentences of a query that has several, but for greetings and the like; else nothing.

    From `_MOST_SENTENCES` on they count as one.
    """
    parts = (part.strip() for part in _SENTENCE_END.split(query))
    found = [part for part in parts if len(part) >= _SHORTEST_SENTENCE]
    if len(found) > _MOST_SENTENCES:
        found[_MOST_SENTENCES - 1 :] = [" ".join(found[_MOST_SENTENCES - 1 :])]
    return found if len(found) > 1 else []


def with_parts(query: str) -> str:
    """`query` with compound words beside their parts: tools say `git hub`, `github` or both."""
    return " ".join(
        word if (parts := split_name(word)) == word.lower() else f"{word} {parts}"
        for word in _WORD.findall(query)
    )


def lexical_text(spec: ToolSpec) -> str:
    """The text whose words find the tool; its name counts twice."""
    name = split_name(spec.slug)
    names, descriptions = _parameters(spec)
    return " ".join((name, _heading(spec, name), spec.description, *map(split_name, names), *descriptions))


def dense_text(spec: ToolSpec) -> str:
    """The text whose meaning finds the tool: what it does, then its name.

    The description comes first, as in what people ask: with the name first, bare names and those of other
    apps crowd out what fits (nDCG@10 of meaning alone, 24,407 tools: MetaTool 35 → 38, hand-made 53 → 54).
    """
    heading = _heading(spec, split_name(spec.slug))
    description = _beginning(" ".join(spec.description.split()))
    return f"{description} ({heading})" if description else heading


def dense_key(spec: ToolSpec) -> bytes:
    """16 bytes that change whenever `dense_text` does."""
    return _key((TEXT_VERSION, spec.slug, spec.toolkit, spec.title, spec.description))


def lexical_key(spec: ToolSpec, dense: bytes) -> bytes:
    """16 bytes that change whenever `lexical_text` does; `dense` is the tool's `dense_key`."""
    if isinstance(spec.parameters, StoredSchema):  # to read tens of thousands of them would take seconds
        return _key((spec.parameters.text,), dense)
    names, descriptions = _parameters(spec)
    return _key([*names, "\x1e", *descriptions], dense) if names else dense


def _key(parts: Iterable[str], before: bytes = b"") -> bytes:
    text = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(before + text, digest_size=16).digest()


def _parameters(spec: ToolSpec) -> tuple[list[str], list[str]]:
    """The names of the parameters, and how the descriptions of the first ones begin."""
    properties = spec.parameters.get("properties")
    if not isinstance(properties, dict):
        return [], []
    return (
        [str(name) for name in islice(properties, _PARAMETER_NAMES)],
        [
            text[:_PARAMETER_DESCRIPTION]
            for schema in islice(properties.values(), _PARAMETER_DESCRIPTIONS)
            if isinstance(schema, dict) and isinstance(text := schema.get("description"), str)
        ],
    )


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
