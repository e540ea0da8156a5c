"""The program as it is shipped, over a planned model: it wants to send one mail."""

from __future__ import annotations

import pytest

from nexus.app import open_service, serve
from nexus.cli.program import Entry, program
from nexus.settings import Settings
from nexus.wiring.audit import open_audit
from nexus.wiring.memories import open_own_memories
from nexus.wiring.notices import open_notices
from nexus.wiring.users import open_users
from tests.planned_model import PlannedModel

SEND = "GMAIL_SEND_EMAIL"
MAIL = {"recipient_email": "triage@example.com", "subject": "Login loops", "body": "It loops."}
REQUEST = "Send an email about login loops to triage@example.com"

ENTRY = Entry(
    open_service=open_service,
    serve=serve,
    open_users=open_users,
    open_audit=open_audit,
    open_notices=open_notices,
    open_memories=open_own_memories,
)


async def planned(_: Settings) -> PlannedModel:
    """Stands where the composition root makes the model that the settings choose."""
    return PlannedModel(plan=((SEND, MAIL),), answer="It is sent.")


if __name__ == "__main__":
    pytest.MonkeyPatch().setattr("nexus.wiring.shared._model", planned)
    program(obj=ENTRY)
