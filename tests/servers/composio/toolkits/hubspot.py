"""Contacts of a customer list.

Composio manages OAuth for HubSpot; the stand-in does not, so that one toolkit needs an app of one's own.
"""

from __future__ import annotations

from typing import Any, ClassVar

from tests.servers.composio.toolkits.base import (
    CREATES,
    DELETES,
    OWN_OAUTH,
    READS,
    Arguments,
    ToolFailure,
    Toolkit,
    found,
    number,
    text,
    tool,
)

_STAGES = ["subscriber", "lead", "opportunity", "customer"]
_CONTACT = text("Id of the contact, digits only.", pattern="^[0-9]+$")


class HubSpot:
    """The contacts of one account."""

    toolkit: ClassVar[Toolkit] = Toolkit("hubspot", "HubSpot", "Customers.", "crm", schemes=(OWN_OAUTH,))

    def __init__(self) -> None:
        self.contacts: dict[str, dict[str, Any]] = {}

    @tool(
        "HUBSPOT_LIST_CONTACTS",
        "List Contacts",
        READS,
        optional={"limit": number("How many at most.", minimum=1, maximum=100, default=10)},
    )
    def list_contacts(self, given: Arguments) -> dict[str, Any]:
        """List the contacts."""
        return {"results": list(self.contacts.values())[: given["limit"]]}

    @tool(
        "HUBSPOT_CREATE_CONTACT",
        "Create Contact",
        (*CREATES, "important"),
        required={"email": text("Address of the person.", pattern="^[^@\\s]+@[^@\\s]+$")},
        optional={
            "firstname": text("First name."),
            "lastname": text("Last name."),
            "lifecyclestage": text("How far they are.", enum=_STAGES, default="lead"),
        },
    )
    def create_contact(self, given: Arguments) -> dict[str, Any]:
        """Add a person to the contacts."""
        if any(each["email"] == given["email"] for each in self.contacts.values()):
            raise ToolFailure(f"409 Conflict: there is a contact with the address {given['email']}")
        identity = str(len(self.contacts) + 101)
        self.contacts[identity] = {"id": identity, **given}
        return self.contacts[identity]

    @tool("HUBSPOT_DELETE_CONTACT", "Delete Contact", DELETES, required={"contact_id": _CONTACT})
    def delete_contact(self, given: Arguments) -> dict[str, Any]:
        """Remove a person from the contacts."""
        found(self.contacts, given["contact_id"], "contact")
        return {"deleted": self.contacts.pop(given["contact_id"])["id"]}
