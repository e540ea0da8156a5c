"""E-mail addresses a person can approve: the real one, spelled out, never guessed from a name."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from email.headerregistry import Address
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from nexus.errors import ArgumentsInvalid
from nexus.tools.desk.text import checked_line

_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}")
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")
_MOST: Final = 100

NamedAddresses = Callable[[str], Sequence[tuple[str, str]]]
"""Finds (name, address) pairs for a person's name; see `Contacts.addresses_of`."""


def _as_list(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return [part.strip() for part in re.split(r"[,;]", value) if part.strip()]


AddressList = Annotated[
    list[str],
    BeforeValidator(_as_list),
    Field(min_length=1, description='E-mail addresses, e.g. ["maria@example.com"]'),
]
"""A list of addresses; a single text is taken as a list, too."""

OptionalAddressList = Annotated[
    list[str] | None,
    BeforeValidator(lambda value: _as_list(value) or None),
]
"""As `AddressList`, but may be left out."""


def checked_addresses(field: str, given: Sequence[str], known: NamedAddresses) -> list[Address]:
    """The addresses, each once. A bare name is refused with the address it has in the contacts."""
    if len(given) > _MOST:
        raise ArgumentsInvalid(f"has {len(given)} addresses; at most {_MOST} are allowed", field=field)
    found: dict[str, Address] = {}
    for text in given:
        address = checked_address(field, text, known)
        found.setdefault(address.addr_spec.lower(), address)
    if not found:
        raise ArgumentsInvalid("is empty; give at least one e-mail address", field=field)
    return list(found.values())


def checked_address(field: str, text: str, known: NamedAddresses) -> Address:
    """One address, `maria@example.com` or `Maria Silva <maria@example.com>`."""
    line = checked_line(field, text)
    named = _NAMED.fullmatch(line)
    name = named["name"].strip().strip('"') if named else ""
    spec = (named["address"] if named else line).strip().removeprefix("mailto:")
    if not named and "@" not in spec:
        raise _needs_address(field, line, known(line))
    if not is_address(spec):
        raise ArgumentsInvalid(
            f"{spec!r} is not an e-mail address; write it like maria@example.com", field=field
        )
    if "@" in name:
        raise ArgumentsInvalid(f"the name {name!r} looks like another address; leave it out", field=field)
    return Address(display_name=name, addr_spec=spec)


def is_address(text: str) -> bool:
    """True for a plain ASCII address: nothing in it can pass for another one."""
    local = text.split("@", 1)[0]
    plain_dots = not (local.startswith(".") or local.endswith(".") or ".." in local)
    return plain_dots and _ADDRESS.fullmatch(text) is not None


def _needs_address(field: str, name: str, found: Sequence[tuple[str, str]]) -> ArgumentsInvalid:
    if not found:
        remedy = "Nobody of that name is in the contacts: look with find_contact, or ask the person."
    elif len(found) == 1:
        remedy = f"The address of {found[0][0]} is {found[0][1]}; write that."
    else:
        remedy = (
            "It could be " + " or ".join(f"{who} <{address}>" for who, address in found[:5]) + "; write one."
        )
    return ArgumentsInvalid(f"{name!r} is a name, not an e-mail address.", field=field, remedy=remedy)
