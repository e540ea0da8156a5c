"""What OpenAI's clients send and get. Fields that are not known are ignored: newer clients have more."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

from nexus.api.langgraph.forms import NewId, Sent
from nexus.errors import InvalidInput
from nexus.runtime.chats import Said

Json = dict[str, Any]

MODEL_EXAMPLE: Json = {"id": "nexus", "object": "model", "created": 1767225600, "owned_by": "nexus"}
COMPLETION_EXAMPLE: Json = {
    "id": "chatcmpl-7c9e6679742540de944be07fc1f90ae7",
    "object": "chat.completion",
    "created": 1764061200,
    "model": "nexus",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "There is no new mail."},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 5467, "completion_tokens": 96, "total_tokens": 5563},
}


class ContentPart(Sent):
    """A part of a message."""

    type: str
    text: str | None = None


class ChatMessage(Sent):
    """Something that was said."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[ContentPart] | None = None

    @property
    def text(self) -> str:
        """Its words; what is no text is left out."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.text is not None)
        return self.content or ""

    @property
    def is_text(self) -> bool:
        """True if it is nothing but words."""
        return not isinstance(self.content, list) or all(part.text is not None for part in self.content)


class StreamOptions(Sent):
    """What a stream tells beside the answer."""

    include_usage: bool = False


class ResponseFormat(Sent):
    """How the answer is written: as text."""

    type: Literal["text"]


class ChatMetadata(Sent):
    """What a client may say of the conversation; the rest of it becomes the thread's metadata."""

    model_config = ConfigDict(extra="allow")

    thread_id: NewId | None = Field(
        default=None, description="Names the thread; unset, it is found by what was said before"
    )


class ChatCreate(Sent):
    """A conversation to be answered. Sampling settings are ignored: Nexus has its own."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"model": "nexus", "messages": [{"role": "user", "content": "Any new mail?"}]}]
        }
    )

    model: str = Field(min_length=1, max_length=200, description="`nexus`, or the id of an assistant of it")
    messages: list[ChatMessage] = Field(
        min_length=1,
        max_length=10_000,
        description="All of the conversation, the user's new message last. System messages are not followed.",
    )
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Field(ge=1, le=1)] | None = None
    response_format: ResponseFormat | None = None
    tools: list[Json] | None = Field(default=None, description="Refused: Nexus has its own, and runs them")
    functions: list[Json] | None = Field(default=None, description="Refused likewise")
    metadata: ChatMetadata = ChatMetadata()

    @field_validator("tools", "functions")
    @classmethod
    def _none_of_theirs(cls, value: list[Json] | None) -> list[Json] | None:
        if value:
            raise ValueError("Nexus has its own tools, and runs them itself")
        return value

    @property
    def said(self) -> list[Said]:
        """The conversation itself. Raises InvalidInput: its end is no words of the user's."""
        last, number = self.messages[-1], len(self.messages) - 1
        if last.role != "user":
            raise InvalidInput("the last message must be the user's", field=f"messages.{number}.role")
        if not last.is_text:
            raise InvalidInput("only text is understood", field=f"messages.{number}.content")
        return [
            Said(each.role, each.text)
            for each in self.messages
            if each.role == "user" or each.role == "assistant"  # noqa: PLR1714 - the types follow these
        ]


class ModelShape(BaseModel):
    """Something that answers."""

    model_config = ConfigDict(json_schema_extra={"examples": [MODEL_EXAMPLE]})

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "nexus"


class ModelsShape(BaseModel):
    """All of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"object": "list", "data": [MODEL_EXAMPLE]}]})

    object: Literal["list"] = "list"
    data: list[ModelShape]


class Usage(BaseModel):
    """Tokens of the run, a question's answer included; those of prompts as often as they were sent."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int

    @classmethod
    def of(cls, prompt: int, written: int) -> Self:
        """The tally."""
        return cls(prompt_tokens=prompt, completion_tokens=written, total_tokens=prompt + written)


class Answered(BaseModel):
    """The answer."""

    role: Literal["assistant"] = "assistant"
    content: str


class Choice(BaseModel):
    """The one answer there is."""

    index: Literal[0] = 0
    message: Answered
    logprobs: None = None
    finish_reason: Literal["stop"] = "stop"


class CompletionShape(BaseModel):
    """A conversation's answer."""

    model_config = ConfigDict(json_schema_extra={"examples": [COMPLETION_EXAMPLE]})

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
