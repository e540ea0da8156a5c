"""What clients send."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from nexus.errors import InvalidInput


class _Sent(BaseModel):
    """What a client sends: a field nobody knows is refused, so that nothing is ignored in silence."""

    model_config = ConfigDict(extra="forbid")


class GivenFields(_Sent):
    """What an app wants to know before it can be connected."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"fields": {"generic_api_key": "…"}}]})

    fields: dict[str, SecretStr] | None = Field(
        default=None, max_length=50, description="By name; /connections/needs/{toolkit} says which"
    )

    @property
    def given(self) -> dict[str, str]:
        """The values themselves."""
        return {name: value.get_secret_value() for name, value in (self.fields or {}).items()}


class NewConnection(GivenFields):
    """An account to be connected."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"toolkit": "gmail"}]})

    toolkit: str = Field(min_length=1, max_length=100, description="The app, e.g. gmail")


def digest_in(body: Any) -> str | None:
    """Take the digest out of a decision's body, wherever its form has it."""
    decisions: Any = body.get("decisions") if isinstance(body, dict) else None
    answer: Any = decisions[0] if isinstance(decisions, list) and decisions else body
    return (
        answer.pop("digest") if isinstance(answer, dict) and isinstance(answer.get("digest"), str) else None
    )


def digest_of_etag(if_match: str | None) -> str | None:
    """The digest in an If-Match header; None if any will do.

    Raises:
        InvalidInput: It is not one entity tag.
    """
    tag = (if_match or "*").strip()
    if tag == "*":
        return None
    if tag.startswith("W/") or "," in tag or not tag.strip('"'):
        raise InvalidInput("it is not one strong entity tag", field="If-Match", remedy='Send "DIGEST".')
    return tag.strip('"')


def one_digest(body: str | None, header: str | None) -> str | None:
    """The digest that the client saw.

    Raises:
        InvalidInput: The body and the header name different ones.
    """
    if body and header and body != header:
        raise InvalidInput("the body and If-Match name different ones", field="digest", remedy="Send one.")
    return body or header
