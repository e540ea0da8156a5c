"""What clients get of connections."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from nexus.ports.connections import AuthField, Connection, ConnectionState
from nexus.runtime.connecting import in_words

LINK_EXAMPLE: dict[str, Any] = {
    "url": "https://connect.example.com/link/lk_1a2b3c",
    "expires_at": "2026-11-25T09:10:00Z",
}

CONNECTION_EXAMPLE: dict[str, Any] = {
    "id": "ca_1a2b3c4d5e6f",
    "toolkit": "gmail",
    "state": "waiting",
    "says": "gmail waits for you to sign in.",
    "reason": None,
    "link": LINK_EXAMPLE,
    "created_at": "2026-11-25T09:00:00Z",
}


class LinkView(BaseModel):
    """Where a person signs in."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [LINK_EXAMPLE]})

    url: str = Field(description="For that person only: whoever opens it connects their own account")
    expires_at: datetime


class ConnectionView(BaseModel):
    """An account at an app."""

    model_config = ConfigDict(json_schema_extra={"examples": [CONNECTION_EXAMPLE]})

    id: str
    toolkit: str
    state: ConnectionState = Field(
        description="waiting for you to sign in; active; off, failed, expired or revoked: connect it anew"
    )
    says: str = Field(description="The same in words")
    reason: str | None = Field(default=None, description="Why it is not active, if the service says so")
    link: LinkView | None = Field(default=None, description="Where to sign in, while it waits for that")
    created_at: datetime

    @classmethod
    def of(cls, connection: Connection) -> Self:
        """The view of a connection."""
        return cls(
            id=connection.id,
            toolkit=connection.toolkit,
            state=connection.state,
            says=in_words(connection),
            reason=connection.reason,
            link=LinkView.model_validate(connection.link) if connection.link else None,
            created_at=connection.created_at,
        )


class FieldView(BaseModel):
    """A value that has to be given before an app can be connected."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "name": "generic_api_key",
                    "label": "API key",
                    "description": "A key made in the app's settings.",
                    "is_secret": True,
                }
            ]
        },
    )

    name: str
    label: str
    description: str
    is_secret: bool = Field(description="Do not show it while it is typed")

    @classmethod
    def of(cls, field: AuthField) -> Self:
        """The view of a field."""
        return cls.model_validate(field)
