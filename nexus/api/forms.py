"""What clients send."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

from nexus.errors import InvalidInput


class _Sent(BaseModel):
    """What a client sends: a field nobody knows is refused, so that nothing is ignored in silence."""

    model_config = ConfigDict(extra="forbid")


class NewThread(_Sent):
    """A thread to be made."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"title": "Friday's review"}]})

    thread_id: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9_-]{1,64}$", description="Random if left out"
    )
    title: str = Field(default="", max_length=200, description="The first request, if left out")


class UserMessage(_Sent):
    """A message in LangGraph's form."""

    role: Literal["user", "human"] = Field(validation_alias=AliasChoices("role", "type"))
    content: str


class RunInput(_Sent):
    """The input of a run in LangGraph's form: one new message."""

    messages: list[UserMessage] = Field(min_length=1, max_length=1)


class RunRequest(_Sent):
    """What to do: `request`, or the same as `input` for clients that speak LangGraph's form."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"request": "Email design@example.com that the review moved to Friday 3pm"},
                {
                    "assistant_id": "nexus",
                    "input": {"messages": [{"role": "user", "content": "What is on my calendar today?"}]},
                },
            ]
        }
    )

    request: str | None = Field(default=None, description="What you want done, in your own words")
    input: RunInput | None = None
    assistant_id: str | None = Field(default=None, max_length=200, description="Any: there is one assistant")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.request is None) == (self.input is None):
            raise ValueError("send either request or input")
        return self

    @property
    def text(self) -> str:
        """What the person asks for."""
        return self.input.messages[0].content if self.input else self.request or ""


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
