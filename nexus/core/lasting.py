"""What of a person's words, and of their changes to a call, is worth keeping."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nexus.core.defaults import told_defaults
from nexus.core.memory import Kind, telling
from nexus.core.origin import leaves
from nexus.core.tool import JsonSchema
from nexus.core.words import words_of

_REMEMBER = re.compile(
    r"^(?:please[,\s]+)?(?:remember|keep in mind|don['\u2019]t forget|note for (?:the )?future)\b[:,]?\s+"
    r"(?!to\b|me\b|when\b|about\b)(?:that\s+)?(?P<what>\S.*)$",
    re.IGNORECASE | re.DOTALL,
)
_NEXT_REQUEST = re.compile(r"(?<=[.!])\s+(?=(?:now|then|and then|please|also)\b)", re.IGNORECASE)
_WISH = re.compile(
    r"^(?:please\s+)?(?:always|never|use|write|sign|send|keep|make|answer|call me|plan|put|ask)\b"
    r"|\b(?:i|we) (?:always|never|usually|like|love|hate|prefer|want|sign|write|need)\b|\bfrom now on\b",
    re.IGNORECASE,
)
_HOW = re.compile(r"^(?:to|for|when(?:ever)?)\b.*\b(?:use|with|goes?|put|call)\b", re.IGNORECASE)

_LASTING = re.compile(
    r"\b(?:always|never|from now on|in (?:the )?future|usually|every time|i prefer|we prefer|by default"
    r"|as a rule|whenever|call me|i am called)\b|\b(?:my|our)\b[^.?!]{0,50}\b(?:is|are)\b"
    r"|\b(?!(?:to(?:day|night|morrow)|yesterday|week|it|that|there|what|let)['\u2019])\w+['\u2019]s\b[^.?!]{0,40}\bis\b"
    r"|\b(?:his|her|their|its) [\w-]+(?: [\w-]+)? (?:is|are)\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.?!\n]*(?:[.?!](?!\s|$)[^.?!\n]*)*[.?!]?")

_SHORT = 80
"""Characters of a value that is a setting, and no text."""

_TEXTS = frozenset({"content", "body", "text", "subject", "title", "message", "description", "query", "name"})
_SECRETS = frozenset(
    {"password", "passwd", "pwd", "passphrase", "passcode", "pass", "pin", "puk", "tan", "otp", "totp", "mfa"}
    | {"secret", "token", "key", "code", "credential", "cred", "auth", "oauth", "authorization", "bearer"}
    | {
        "authentication",
        "jwt",
        "csrf",
        "xsrf",
        "cookie",
        "session",
        "sid",
        "signature",
        "sig",
        "nonce",
        "seed",
    }
    | {"card", "cvv", "cvc", "iban", "bic", "ssn", "passport"}
)
"""Words of parameters whose values are never learned."""

_IN_ONE_WORD = re.compile(
    r"passw|passphrase|passcode|secret|token|apikey|credential|authori[sz]|cookie|signature|session|cvv|iban"
)
"""The same where words are run together: `accesstoken`."""

_CREDENTIAL = re.compile(
    r"(?i:\bbearer\s+\S)|(?i:\bbasic\s+(?=[a-z+/]*[\d=])[a-z\d+/]{8,}=*)"
    r"|\b(?:sk|pk|rk)[-_][\w-]{6,}|\bgh[a-z]_\w{4,}|\bgithub_pat_\w|\bglpat-[\w-]|\bxox[a-z]+-[\w-]|\bxapp-[\w-]"
    r"|\b(?:AKIA|ASIA)[A-Z\d]{8,}|\bAIza[\w-]{16,}|\bya29\.\S|\bSG\.[\w-]{8,}"
    r"|(?<![\w-])(?>[\w-]*?\beyJ)[\w-]{4,}+\.[\w-]"  # from the first in a run of characters: once over each
    r"|\b(?:hf|npm|whsec|shp[a-z]{2})_\w{8,}|\bpypi-[\w-]{8,}|\bpcsk_\w|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|://[^\s/:@]+:[^\s/@]+@"
)
"""A value that is one whatever it is called: a scheme's, a vendor's, a private key, a URL with a password."""

_PASSING = re.compile(r"\d{4}-\d{2}|\d{1,2}:\d{2}|@|^\d+$|[-_]\d+$|^[\w-]*\d[\w-]{7,}$")
"""An address, a time or an id: what is right for one request only."""

_NUMBER = re.compile(r"/\d+(?=/|$)")

_MOST_NEW_WORDS = 0.4
"""The share of the words of a memory that the request need not have: `sign` for `signing`."""


def said_to_remember(request: str) -> tuple[str, str] | None:
    """What a message that begins with `remember …` wants kept, and what it asks for beside that.

    None if it is no such message: `Remember to call Ana` is a task.
    """
    found = _REMEMBER.match(request.strip())
    if found is None or found["what"].rstrip().endswith("?"):
        return None
    what, *rest = _NEXT_REQUEST.split(found["what"].strip(), maxsplit=1)
    return what.rstrip("."), rest[0] if rest else ""


def kind_of(text: str) -> Kind:
    """What sort of memory a sentence is."""
    if _HOW.search(text):
        return "procedure"
    return "preference" if _WISH.search(text) else "fact"


def may_last(request: str) -> bool:
    """True if something in a request may be true beyond it, so that the model is asked what."""
    return any(
        _LASTING.search(sentence)
        for sentence in _SENTENCE.findall(request)
        if not sentence.rstrip().endswith("?")
    )


def is_grounded(text: str, request: str) -> bool:
    """True if a memory that a model wrote says no more than the request did."""
    there = frozenset(words_of(request))
    words = words_of(text)
    new = [word for word in words if word not in there]
    known = request.casefold()
    return (
        bool(words)
        and len(new) <= _MOST_NEW_WORDS * len(words)
        and all(each in known for each in telling(text))
    )


def holds_credential(text: str) -> bool:
    """True if something in a text has the form of a credential."""
    return bool(_CREDENTIAL.search(text))


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The short values that a person put in place of others, by their names."""
    known = _in_places(before)
    return {
        _name(pointer): value
        for pointer, value in leaves(after)
        if (_place(pointer), value) not in known and _is_short(value) and not _is_no_setting(pointer, value)
    }


def endings(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, str]:
    """What a person wrote at the end of texts that they left as they were otherwise, by their names."""
    old, there, found = dict(leaves(before)), _in_places(before), dict[str, str]()
    for pointer, value in leaves(after):
        known = old.get(pointer)
        if not isinstance(value, str) or not isinstance(known, str) or not known.strip():
            continue
        added = value[len(known.rstrip()) :].strip() if value.startswith(known.rstrip()) else ""
        is_new = 0 < len(added) <= _SHORT and (_place(pointer), value) not in there
        if is_new and not _is_secret(pointer, value):
            found[_name(pointer)] = " ".join(added.split())
    return found


def usual(one: Mapping[str, Any], other: Mapping[str, Any], parameters: JsonSchema) -> dict[str, Any]:
    """The settings that two calls of a tool have in common: no texts, addresses, times, ids or defaults."""
    there = dict(leaves(other))
    origins = told_defaults(parameters, one, {pointer: "model" for pointer, _ in leaves(one)})
    return {
        _name(pointer): value
        for pointer, value in leaves(one)
        if isinstance(value, str)
        and there.get(pointer) == value
        and origins[pointer] != "default"
        and _is_setting(pointer, value)
    }


def _is_setting(pointer: str, value: str) -> bool:
    return _is_short(value) and not _is_no_setting(pointer, value) and not _PASSING.search(value)


def _is_short(value: Any) -> bool:
    return isinstance(value, str | int | float) and 0 < len(str(value).strip()) <= _SHORT


def _is_no_setting(pointer: str, value: Any) -> bool:
    return bool(_TEXTS.intersection(words_of(pointer))) or _is_secret(pointer, value)


def _is_secret(pointer: str, value: Any) -> bool:
    words = words_of(pointer)
    return (
        not _SECRETS.isdisjoint(words)
        or any(_IN_ONE_WORD.search(word) for word in words)
        or holds_credential(str(value))
    )


def _in_places(values: Mapping[str, Any]) -> frozenset[tuple[str, Any]]:
    return frozenset((_place(pointer), value) for pointer, value in leaves(values))


def _place(pointer: str) -> str:
    """The pointer without places in lists: whoever takes an entry out moves others, and changes none."""
    return _NUMBER.sub("/*", pointer)


def _name(pointer: str) -> str:
    return pointer.strip("/").replace("/", ".")
