"""Forms as a browser sends them, read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from nexus.errors import InvalidInput

AGAIN = "Open the page again."
"""What helps whoever sent something that no page of ours sends."""


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form; of one that was sent several times, all values."""

    values: Mapping[str, list[str]]

    def text(self, name: str, default: str = "") -> str:
        """What a person wrote: browsers send two characters for each line break. Raises InvalidInput."""
        found = self.values.get(name, [default])
        if len(found) != 1:
            raise InvalidInput("it is there twice", field=name, remedy=AGAIN)
        return found[0].replace("\r\n", "\n")

    def all(self, name: str) -> list[str]:
        """Every value of that name."""
        return [value.replace("\r\n", "\n") for value in self.values.get(name, [])]

    def __contains__(self, name: object) -> bool:
        return name in self.values


def form_of(body: bytes, *, most: int) -> Form:
    """The fields in a body, at most that many. Raises InvalidInput: it is no form."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            max_num_fields=most,
            errors="strict",
        )
    except ValueError as error:
        raise InvalidInput("it is no form of the page", field="body", remedy=AGAIN) from error
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return Form(found)
