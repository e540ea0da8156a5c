"""The desk's address book: one vCard a person, as address book programs import and export them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import uuid4

import vobject
from pydantic import Field

from nexus.errors import ArgumentsInvalid, NotFound, ToolFailed
from nexus.ports.tools import ToolResult
from nexus.tools.desk.addresses import checked_address
from nexus.tools.desk.folder import Folder
from nexus.tools.desk.names import slug_of
from nexus.tools.desk.optional import OptionalText
from nexus.tools.desk.shelf import Shelf, listed
from nexus.tools.desk.text import best_matches, checked_line, same, shown_line, words_of
from nexus.tools.local import tool

Email = Annotated[OptionalText, Field(description="E-mail address, e.g. maria@example.com")]
Phone = Annotated[OptionalText, Field(description="Phone number, e.g. +351 210 000 000")]
Company = Annotated[OptionalText, Field(description="Company or organisation")]


_LONGEST_STEM: Final = 50


@dataclass(frozen=True, slots=True)
class Contact:
    """A person or list in the address book, as it is shown."""

    contact_id: str
    name: str
    emails: Sequence[str]
    phones: Sequence[str]
    company: str

    def __str__(self) -> str:
        parts = (
            self.name,
            ", ".join(self.emails) or "no e-mail address",
            ", ".join(self.phones),
            self.company,
        )
        return " | ".join(part for part in parts if part)


class Contacts:
    """The vCards in `contacts`; the file is named after the person."""

    def __init__(self, folder: Folder) -> None:
        self.shelf = Shelf(folder, place="contacts", prefix="contact", suffix=".vcf", noun="contact")

    @tool(title="Find a contact", hints=["readOnlyHint"])
    def find_contact(
        self,
        name: Annotated[
            OptionalText,
            Field(description="Name, company or part of it, e.g. Maria; left out lists everybody"),
        ] = None,
    ) -> str:
        """Look up a person's e-mail address and phone number in the contacts."""
        everybody = self._all()
        if name is None:
            return "\n".join(map(str, everybody)) or "There are no contacts yet."
        line = checked_line("name", name)
        found = best_matches(line, everybody, lambda contact: f"{contact} {contact.contact_id}")
        return "\n".join(map(str, found)) or f"No contact matches {line!r}. {self._who_is_there()}"

    @tool(title="Add a contact", hints=["createHint"])
    def add_contact(
        self,
        name: Annotated[str, Field(description="Full name, e.g. Maria Silva")],
        email: Email = None,
        phone: Phone = None,
        company: Company = None,
    ) -> ToolResult:
        """Add a new person to the contacts."""
        line = checked_line("name", name)
        twin = next((contact for contact in self._all() if same(contact.name) == same(line)), None)
        if twin is not None:
            raise ArgumentsInvalid(
                f"there is a contact {twin} already.", field="name", remedy="Use update_contact."
            )
        contact_id = self._add(line, card_of(line, email=email, phone=phone, company=company))
        contact = _read_card(contact_id, self.shelf.read(contact_id))
        return ToolResult(f"Added the contact {contact}.", reference=self.shelf.path_of(contact_id))

    @tool(title="Change a contact", hints=["updateHint", "idempotentHint"])
    def update_contact(
        self,
        name: Annotated[
            str, Field(description="Name of the person who is in the contacts, e.g. Maria Silva")
        ],
        email: Email = None,
        phone: Phone = None,
        company: Company = None,
    ) -> ToolResult:
        """Change the e-mail address, phone number or company of a contact."""
        details = _checked_details(email, phone, company)
        if not details:
            raise ArgumentsInvalid("give the new email, phone or company", field="email")
        contact = self._find(name)

        def rewrite(content: bytes) -> bytes:
            card = _parsed(contact.contact_id, content)
            _fill(card, details)
            return _serialised(card)

        self.shelf.change(contact.contact_id, rewrite)
        changed = _read_card(contact.contact_id, self.shelf.read(contact.contact_id))
        return ToolResult(
            f"Changed the contact: {changed}.", reference=self.shelf.path_of(contact.contact_id)
        )

    def addresses_of(self, name: str) -> Sequence[tuple[str, str]]:
        """(name, address) of everybody called `name`; if nobody is, of those whose name has these words."""
        everybody = self._all()
        called = [contact for contact in everybody if same(contact.name) == same(name)]
        wanted = words_of(name)
        like = [contact for contact in everybody if wanted and wanted <= words_of(contact.name)]
        return [(contact.name, email) for contact in called or like for email in contact.emails]

    def _all(self) -> list[Contact]:
        return [_read_card(contact_id, self.shelf.read(contact_id)) for contact_id in self.shelf.ids()]

    def _find(self, name: str) -> Contact:
        wanted = checked_line("name", name)
        everybody = self._all()
        exact = [one for one in everybody if same(wanted) in (same(one.name), same(one.contact_id))]
        found = exact or [one for one in everybody if words_of(wanted) <= words_of(one.name)]
        if len(found) > 1:
            raise ArgumentsInvalid(f"{wanted!r} could be {' or '.join(map(str, found))}", field="name")
        if not found:
            raise NotFound(f"no contact is called {wanted!r}. {self._who_is_there()}")
        return found[0]

    def _who_is_there(self) -> str:
        names = [contact.name for contact in self._all()]
        return f"The contacts are {listed(names)}." if names else "There are no contacts yet."

    def _add(self, name: str, content: bytes) -> str:
        stem = slug_of(name)[:_LONGEST_STEM] or "contact"
        contact_id, number = stem, 1
        while not self.shelf.add_named(contact_id, content):
            number += 1
            contact_id = f"{stem}-{number}"
        return contact_id


def card_of(name: str, *, email: str | None, phone: str | None, company: str | None) -> bytes:
    """A new vCard 3.0, which every address book reads."""
    card = vobject.vCard()
    given, _, family = name.rpartition(" ")
    card.add("uid").value = f"urn:uuid:{uuid4()}"
    card.add("fn").value = name
    card.add("n").value = vobject.vcard.Name(family=family, given=given)
    _fill(card, _checked_details(email, phone, company))
    return _serialised(card)


def _checked_details(email: str | None, phone: str | None, company: str | None) -> dict[str, str]:
    details: dict[str, str] = {}
    if email is not None:
        details["email"] = checked_address("email", email, lambda _: ()).addr_spec
    if phone is not None:
        details["tel"] = checked_line("phone", phone)
    if company is not None:
        details["org"] = checked_line("company", company)
    return details


def _fill(card: Any, details: dict[str, str]) -> None:
    """Set each detail; where the card has several of a kind, the first is the one that is used."""
    for kind, value in details.items():
        line = card.contents[kind][0] if card.contents.get(kind) else card.add(kind)
        line.value = [value] if kind == "org" else value


def _parsed(contact_id: str, content: bytes) -> Any:
    try:
        card: Any = vobject.readOne(content.decode())
    except (vobject.base.VObjectError, UnicodeDecodeError, StopIteration) as error:
        raise ToolFailed(
            f"The file of the contact {contact_id} is damaged; open it and repair it."
        ) from error
    return card


def _serialised(card: Any) -> bytes:
    return str(card.serialize(validate=False)).encode()


def _read_card(contact_id: str, content: bytes) -> Contact:
    try:
        contents: dict[str, list[Any]] = _parsed(contact_id, content).contents
    except ToolFailed:
        contents = {}
    values = {
        kind: [_value_of(line) for line in contents.get(kind, [])] for kind in ("fn", "email", "tel", "org")
    }
    name = next(iter(values["fn"]), "") or contact_id
    return Contact(contact_id, name, values["email"], values["tel"], ", ".join(values["org"]))


def _value_of(line: Any) -> str:
    value = line.value
    return shown_line(", ".join(map(str, value)) if isinstance(value, list) else str(value))
