"""Parameters whose values must be known: each becomes a choice of what the request and the results name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from jsonschema import Draft202012Validator

from nexus.core.candidates import Candidate, Kind, candidates
from nexus.core.origin import Source
from nexus.core.plain_schema import Node
from nexus.core.simple_schema import SimpleSchema
from nexus.core.words import words_of
from nexus.errors import ArgumentsInvalid

_RECIPIENTS = frozenset({"to", "cc", "bcc", "recipient", "attendee", "invitee", "participant", "guest"})
_PHONES = frozenset({"phone", "mobile", "telephone"})
_LINKS = frozenset({"url", "uri", "link", "href"})
_TEXTS = re.compile(r"\b(?:content|body|text|subject|template|message)\b", re.IGNORECASE)
_MAIL = re.compile(r"\be-?mails?\b|\baddress(?:es)?\b", re.IGNORECASE)
_IS_ID = re.compile(r"^\W*(?:the |an? )?(?:unique |numeric )?(?:ids?|identifiers?)\b", re.IGNORECASE)
_OR_ELSE = re.compile(
    r"\b(?:ids?|e-?mails?|address(?:es)?|urls?)\W+or\b|\bor\b[^.;]{0,20}\b(?:ids?|e-?mails?|urls?)\b",
    re.IGNORECASE,
)
"""Says that something else does as well, so that it is free text."""

_KEYWORD = re.compile(r"['\"`]([a-z]{2,12})['\"`]")
"""A word that a description puts in quotes: a value the tool knows, as `me` or `primary`."""

_OF = re.compile(r"\bof (?:the |an? )?([\w-]+)")

_IS_MOMENT = re.compile(r"\bYYYY-MM-DD|\bISO.?8601", re.IGNORECASE)
_MOMENT_FORMATS = frozenset({"date", "date-time", "time"})
_SAYS_WHEN = re.compile(
    r"\d{1,2}:\d{2}|\d\s?[ap]\.?m\b|\d{4}-\d{2}|\d/\d|\d(?:st|nd|rd|th)\b"
    r"|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day|\b(?:now|soon|later|noon|midnight|morning|evening|night)"
    r"|\b(?:to(?:day|night|morrow)|yesterday|afternoon|weekend|daily|weekly|monthly|yearly)"
    r"|\b(?:\d+|an?|one|two|three|four|five|six|ten|few|half|this|that|next|last|past|coming|every|each|whole|all)"
    r"[\s-]+(?:minute|hour|day|week|month|quarter|year)s?\b"
    r"|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b",
    re.IGNORECASE,
)
_ENGLISH = re.compile(r"\b(?:the|my|an|is|for|of|and|please|with|this|that|what|who)\b", re.IGNORECASE)


def with_known_values(simple: SimpleSchema, sources: Sequence[Source], about: str) -> SimpleSchema:
    """The schema in which every id, address, link and phone number is a choice of known ones.

    Options for which nothing is known are left out; so are days and times if nobody named one.

    Args:
        simple: The tool's parameters.
        sources: The request and the results, the newest last.
        about: The tool's name, which tells what a parameter that is only called `id` is the id of.

    Raises:
        ArgumentsInvalid: Something required is not known, and has to be looked up first; names it.
    """
    roles = _RECIPIENTS.intersection(word for name in simple.schema["properties"] for word in words_of(name))
    fill = _Filler(candidates(sources), sources, frozenset(words_of(about)), roles)
    schema = fill.object(simple.schema)
    if isinstance(schema, _Unknown):
        raise ArgumentsInvalid(
            f"no {_WORDS[schema.kind]} for it stands in the request or in a result",
            field=".".join(simple.paths.get(schema.name, (schema.name,))),
            remedy="First use a tool that lists or finds it, or ask the user.",
        )
    gone = [
        f"/{name}: nothing known to put there"
        for name in simple.schema["properties"]
        if name not in schema["properties"]
    ]
    return replace(simple, schema=schema, lost=(*simple.lost, *gone))


def choices_in(node: Node) -> Iterator[str]:
    """Every text that a schema offers as a choice."""
    yield from (value for value in node.get("enum", ()) if isinstance(value, str))
    for part in (*node.get("properties", {}).values(), *([node["items"]] if "items" in node else [])):
        yield from choices_in(part)


_WORDS: Mapping[Kind, str] = {
    "address": "e-mail address",
    "link": "link",
    "phone": "phone number",
    "id": "id",
}


class _Unknown:
    """Stands for a required value that nobody knows."""

    def __init__(self, kind: Kind, name: str) -> None:
        self.kind: Kind = kind
        self.name = name


class _Filler:
    def __init__(
        self,
        known: Sequence[Candidate],
        sources: Sequence[Source],
        about: frozenset[str],
        roles: frozenset[str],
    ) -> None:
        self._known = known
        self._roles = roles
        self._about = about
        texts = [source.text for source in sources]
        self._says_when = any(_SAYS_WHEN.search(text) for text in texts) or not any(
            _ENGLISH.search(text) for text in texts
        )

    def object(self, node: Node) -> Node | _Unknown:
        """The object with known values in it; or what it lacks."""
        properties: dict[str, Node] = {}
        needed: list[Kind | None] = [_kind(name, node["properties"][name]) for name in node["required"]]
        for name, part in node["properties"].items():
            is_required = name in node["required"]
            if not is_required and not self._is_worth_offering(name, part, needed):
                continue
            filled = self._value(name, part, is_required=is_required)
            if not isinstance(filled, _Unknown):
                properties[name] = filled
            elif is_required:
                return filled
        return {**node, "properties": properties}

    def _value(self, name: str, node: Node, *, is_required: bool) -> Node | _Unknown:
        kind = _kind(name, node)
        if kind is not None:
            values = self._values(kind, name, node, may_guess=is_required)
            # A link that is required and that nobody named may be one that everybody knows.
            is_free = kind == "link" and is_required
            return _choice(node, values) if values else node if is_free else _Unknown(kind, name)
        if "properties" in node:
            return self.object(node)
        if "items" in node and "properties" in node["items"]:
            items = self.object(node["items"])
            return items if isinstance(items, _Unknown) else {**node, "items": items}
        return node

    def _is_for_another(self, candidate: Candidate, name: str) -> bool:
        """True if the words beside an address give it to another parameter: `ana@example.org in cc`."""
        return bool(candidate.about & self._roles) and not candidate.about.intersection(words_of(name))

    def _is_worth_offering(self, name: str, node: Node, needed: Sequence[Kind | None]) -> bool:
        """False if what is known is needed elsewhere, or if it wants a time and nobody named one."""
        if _is_moment(name, node):
            return self._says_when
        kind = _kind(name, node)
        if kind is None or kind not in needed:
            return True
        return len({each.value for each in self._known if each.kind == kind}) > needed.count(kind)

    def _values(self, kind: Kind, name: str, node: Node, *, may_guess: bool) -> list[Any]:
        """The candidates that fit best, the user's own first."""
        found = [each for each in self._known if each.kind == kind and (may_guess or not each.is_guess)]
        if kind == "address":
            found = [each for each in found if not self._is_for_another(each, name)]
        if kind == "id":
            found = _nearest(found, _subject(name, node) or self._about)
        values: list[Any] = list(dict.fromkeys(each.value for each in found))
        if _type(node) == "integer":
            values = [int(value) for value in values if value.isdigit()]
        elif kind == "id":
            values += [
                word for word in _KEYWORD.findall(str(node.get("description", ""))) if word not in values
            ]
        fitting = Draft202012Validator(node.get("items", node))
        return [value for value in values if fitting.is_valid(value)]


def _choice(node: Node, values: list[Any]) -> Node:
    if "items" in node:
        most = max(node.get("minItems", 1), min(node["maxItems"], len(values)))
        return {**node, "items": {"enum": values}, "maxItems": most}
    return {"enum": values} | {key: node[key] for key in ("description",) if key in node}


def _kind(name: str, node: Node) -> Kind | None:
    """What a parameter's value must be, by its name, format and description; None for free text."""
    words, said, kind = words_of(name), str(node.get("description", "")), _type(node)
    if not words or "enum" in node.get("items", node) or _OR_ELSE.search(said):
        return None
    if kind in ("string", "integer") and (words[-1] == "id" or _IS_ID.search(said)):
        return "id"
    return _kind_of_text(words, said, node.get("items", node).get("format")) if kind == "string" else None


def _kind_of_text(words: Sequence[str], said: str, form: Any) -> Kind | None:
    if form in ("uri", "url") or words[-1] in _LINKS:
        return "link"
    if _PHONES.intersection(words) and words[-1] in {*_PHONES, "number"}:
        return "phone"
    return "address" if form == "email" or _is_address(words, said) else None


def _is_address(words: Sequence[str], said: str) -> bool:
    if _TEXTS.search(said):
        return False
    if words[-1] in ("email", "mail") or list(words[-2:]) in (["email", "address"], ["mail", "address"]):
        return True
    return bool(words[-1] in _RECIPIENTS and (_MAIL.search(said) or words[-1] in ("cc", "bcc")))


def _is_moment(name: str, node: Node) -> bool:
    if _type(node) != "string" or "enum" in node:
        return False
    if words_of(name)[-1:] == ["format"]:
        return False
    if node.get("format") in _MOMENT_FORMATS or _IS_MOMENT.search(str(node.get("description", ""))):
        return True
    return words_of(name)[-1:] in (["date"], ["datetime"], ["deadline"], ["due"])


def _type(node: Node) -> Any:
    """The type of the single values: of the items, for a list."""
    return node.get("items", node).get("type")


def _subject(name: str, node: Node) -> frozenset[str]:
    """What a parameter is the id of, as far as its name and description tell."""
    words = words_of(name)
    named = words[:-1] if words[-1] == "id" else []
    described = [word for found in _OF.findall(str(node.get("description", ""))) for word in words_of(found)]
    return frozenset([*named, *described])


def _nearest(found: Sequence[Candidate], subject: frozenset[str]) -> list[Candidate]:
    """The ids of `subject`; else those of which nothing is known, and what the user wrote as an id.

    What an id is of is told by its label (`event-4`, the key `event_id`), or by the tool it came from.
    """
    labelled = [each for each in found if _is_of(each, subject)]
    unknown = [each for each in found if not each.about or (each.origin == "user" and not each.is_keyed)]
    return labelled or unknown


def _is_of(candidate: Candidate, subject: frozenset[str]) -> bool:
    if _alike(candidate.about, subject):
        return True
    is_strange = candidate.is_keyed and candidate.about
    return not is_strange and _alike(frozenset(words_of(candidate.origin)), subject)


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """True if a word of one is a word of the other, or its end: `mail` and `email`."""
    return any(
        word == another
        or (min(len(word), len(another)) > 2 and (word.endswith(another) or another.endswith(word)))  # noqa: PLR2004
        for word in one
        for another in other
    )
