"""Names of files: what people may call things, and what that is called on the disk."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from nexus.errors import ArgumentsInvalid

_LONGEST_PART: Final = 100
_LONGEST_BYTES: Final = 150  # most file systems end at 255, and the trash adds to a name
_DEEPEST: Final = 3
_PUNCTUATION: Final = frozenset(" -_.,&+'()!#@\u2019\u2013\u2014")
# Windows opens a device for these, whatever the ending; the folder may be synchronised to such a machine.
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(\..*)?", re.IGNORECASE)


def slug_of(text: str) -> str:
    """`Maria João Silva` as `maria-joão-silva`: letters, digits, dots and hyphens only; may be empty."""
    letters = unicodedata.normalize("NFC", text).lower()
    kept = (
        letter if letter == "." or unicodedata.category(letter)[0] in "LMN" else "-" for letter in letters
    )
    return re.sub(r"-+", "-", "".join(kept)).strip("-.")


def checked_name(field: str, name: str, *, suffix: str) -> str:
    """The slug path that a person's name for a note means, e.g. `projects/website` for `Projects/Website.md`.

    Raises:
        ArgumentsInvalid: It is not a plain relative name: `..`, absolute, a drive, a device, hidden, too
            long, or with characters that are not letters, digits or everyday punctuation.
    """
    plain = unicodedata.normalize("NFC", name.strip().replace(": ", " "))
    if plain.lower().endswith(suffix):
        plain = plain[: -len(suffix)].rstrip()
    parts = plain.split("/")
    if len(parts) > _DEEPEST:
        raise ArgumentsInvalid(f"has more than {_DEEPEST} parts.", field=field, remedy="Use a shorter name.")
    return "/".join(_checked_part(field, part.strip()) for part in parts)


def _checked_part(field: str, part: str) -> str:
    why = _fault_of(part)
    if why is not None:
        raise ArgumentsInvalid(f"{why}.", field=field, remedy="Use a plain name like 'shopping list'.")
    return slug_of(part)


def _fault_of(part: str) -> str | None:
    strange = next((character for character in part if not _is_plain(character)), None)
    if strange is not None:
        name = unicodedata.name(strange, "control character").lower()
        return f"must not contain U+{ord(strange):04X} ({name})"
    if not part:
        return "is empty, or absolute: there is nothing before or after a slash"
    if part.startswith(".") or part.endswith(".") or ".." in part:
        return "must not begin or end with a dot, nor contain '..'"
    if _DEVICE.fullmatch(part):
        return f"{part!r} is the name of a device"
    if len(part) > _LONGEST_PART or len(slug_of(part).encode()) > _LONGEST_BYTES:
        return f"is too long ({len(part)} characters; at most {_LONGEST_PART})"
    return None if slug_of(part) else "has no letter or digit"


def _is_plain(character: str) -> bool:
    if character in _PUNCTUATION:
        return True
    # A look-alike of a slash or dot becomes a real one on file systems that normalise names.
    same = unicodedata.normalize("NFKC", character)
    return same == character and unicodedata.category(character)[0] in "LMN"
