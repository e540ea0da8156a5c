"""What users may do beyond what is their own: the one place that says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nexus.core.user import OWNER
from nexus.errors import Refused

Role = Literal["user", "approver", "admin"]
"""user: their own threads, approvals, rules, endpoints and events, nothing else; approver: also decides on
others' calls where a rule names them; admin: also manages users, reads everybody's events, and decides on
what is everybody's (weights, accepted MCP tools)."""

ROLES: tuple[Role, ...] = ("user", "approver", "admin")
"""The least first."""

Power = Literal["review", "manage"]
"""review: decide on others' calls that a rule hands to one; manage: users, the audit log of all, and what is
everybody's."""

_POWERS: dict[Role, frozenset[Power]] = {
    "user": frozenset(),
    "approver": frozenset({"review"}),
    "admin": frozenset({"review", "manage"}),
}

_NEEDED = {"review": "Only an approver decides on others' calls.", "manage": "Only an admin may do this."}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and as what."""

    user: str
    role: Role

    def may(self, power: Power) -> bool:
        """True if they have that power."""
        return power in _POWERS[self.role]

    def check(self, power: Power) -> None:
        """Raises Refused, unless they have that power."""
        if not self.may(power):
            raise Refused(_NEEDED[power], remedy=f"`nexus users role {self.user} ROLE` gives another role.")


def role_of(user: str, *roles: Role) -> Role:
    """The highest of what a user was given; whoever runs this Nexus may do everything."""
    given: tuple[Role, ...] = ("user", *roles)
    return "admin" if user == OWNER else max(given, key=ROLES.index)
