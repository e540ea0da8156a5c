"""Which store keeps the memories: what the setting says, as a value."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from nexus.errors import SettingsInvalid
from nexus.memory.sealing import SETTING as KEY_SETTING

StoreKind = Literal["sqlite", "chroma", "pinecone", "off"]

DEFAULT_NAME = "nexus"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
_REMEDY = "It is sqlite, chroma, chroma:http://127.0.0.1:8000, pinecone:INDEX or off."


@dataclass(frozen=True, slots=True)
class StoreChoice:
    """A store.

    Attributes:
        place: The URL of a Chroma server, or the name of a Pinecone index; empty: files of the user's own.
        name: What this Nexus is called there: two that share a server need two names.
    """

    kind: StoreKind
    place: str = ""
    name: str = DEFAULT_NAME


def store_choice_of(setting: str, *, has_key: bool, is_near: Callable[[str], bool]) -> StoreChoice:
    """The store that `NEXUS_MEMORY` chooses.

    Args:
        setting: What it says.
        is_near: Tells whether a host is this machine or in its private network.
        has_key: A key is set, so that no text leaves in clear.

    Raises:
        SettingsInvalid: There is no such store; or it is not on this machine or in its private network, and
            there is no key.
    """
    rest, _, name = setting.partition("#")
    kind, _, place = rest.partition(":")
    if name and not _NAME.fullmatch(name):
        raise _wrong(f"{name!r} is no name of small letters, digits and hyphens")
    choice_name = name or DEFAULT_NAME
    match kind:
        case "sqlite" | "off" if not place and not name:
            return StoreChoice(kind)
        case "chroma" if not place and not name:
            return StoreChoice("chroma")
        case "chroma":
            return _server(place, choice_name, has_key=has_key, is_near=is_near)
        case "pinecone" if place:
            _require_key(has_key=has_key, where="Pinecone")
            return StoreChoice("pinecone", place, choice_name)
        case _:
            raise _wrong(f"{setting!r} is no store")


def _server(url: str, name: str, *, has_key: bool, is_near: Callable[[str], bool]) -> StoreChoice:
    try:
        parts = urlsplit(url)
        is_fine = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, is_fine = urlsplit(""), False
    if not is_fine:
        raise _wrong(f"{url!r} is no URL of a Chroma server")
    if not is_near(parts.hostname or ""):
        _require_key(has_key=has_key, where=parts.hostname or "")
    return StoreChoice("chroma", url.rstrip("/"), name)


def _require_key(*, has_key: bool, where: str) -> None:
    """Whoever keeps memories elsewhere keeps what cannot be read there."""
    if not has_key:
        raise SettingsInvalid(
            f"{where} is not on this machine or in its private network, and memories would be kept there",
            field="NEXUS_MEMORY",
            remedy=f"Set {KEY_SETTING} too, so that what leaves is sealed; or keep them in sqlite.",
        )


def _wrong(message: str) -> SettingsInvalid:
    return SettingsInvalid(message, field="NEXUS_MEMORY", remedy=_REMEDY)
