"""What LangGraph's clients send. Fields that are not known are ignored: their next versions may send more."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from nexus.ports.runs import Strategy
from nexus.runtime.requests import Wanted

Json = dict[str, Any]
ThreadStatus = Literal["idle", "busy", "interrupted", "error"]
StreamMode = Literal[
    "values", "messages", "messages-tuple", "tasks", "checkpoints", "updates", "events", "debug", "custom"
]
ThreadStreamMode = Literal["run_modes", "lifecycle", "state_update"]
Nodes = Literal["*"] | list[str]
NewId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Few = Annotated[int, Field(ge=1, le=1000)]
Skip = Annotated[int, Field(ge=0, le=2**53)]

_TTL = "Refused: the operator says how long threads are kept (NEXUS_KEEP_THREADS_DAYS)"

RUN_EXAMPLE: Json = {
    "assistant_id": "nexus",
    "input": {"messages": [{"role": "user", "content": "What is on my calendar today?"}]},
}
ANSWER_EXAMPLE: Json = {
    "assistant_id": "nexus",
    "command": {"resume": {"decisions": [{"type": "approve"}]}},
}


def _examples(*examples: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": list(examples)})


class Sent(BaseModel):
    """What a client sends. JSON has types: `true` is no number, and `1` no truth."""

    model_config = ConfigDict(strict=True)


class RunConfig(Sent):
    """Settings of a run; what says where it goes on and who asks is the server's own."""

    tags: list[str] = []
    recursion_limit: Annotated[int, Field(ge=1, le=100_000)] | None = None
    configurable: Json = {}
    metadata: Json = {}

    @property
    def given(self) -> Json:
        """What was really sent."""
        return self.model_dump(exclude_defaults=True)


class Checkpoint(Sent):
    """A place in a thread's past."""

    thread_id: str | None = None
    checkpoint_ns: str = ""
    checkpoint_id: str | None = None
    checkpoint_map: Json | None = None

    @property
    def place(self) -> Json | None:
        """For the graph's configuration; None if it names none."""
        if self.checkpoint_id is None:
            return None
        return self.model_dump(
            include={"checkpoint_ns", "checkpoint_id", "checkpoint_map"}, exclude_none=True
        )


class RunCreate(Sent):
    """A run to be started."""

    model_config = _examples(RUN_EXAMPLE, ANSWER_EXAMPLE)

    assistant_id: str = Field(
        min_length=1, max_length=200, description="An assistant's id, or a graph's name"
    )
    input: Any = Field(default=None, description="For the graph; nothing: go on where the thread is")
    command: Json | None = Field(
        default=None, description="`resume` answers what the thread waits for; it goes before an input"
    )
    metadata: Json = {}
    config: RunConfig = RunConfig()
    context: Json | None = None
    webhook: str | None = Field(
        default=None, min_length=1, max_length=2000, description="A URL that is told when the run has ended"
    )
    checkpoint: Checkpoint | None = Field(default=None, description="Where in the thread's past to begin")
    checkpoint_id: str | None = Field(default=None, max_length=100)
    interrupt_before: Nodes | None = None
    interrupt_after: Nodes | None = None
    stream_mode: StreamMode | list[StreamMode] = ["values"]
    stream_subgraphs: bool = False
    stream_resumable: bool = Field(default=False, description="Keep what it tells, also over a restart")
    multitask_strategy: Strategy = "enqueue"
    if_not_exists: Literal["create", "reject"] = "reject"
    on_disconnect: Literal["cancel", "continue"] = "continue"
    on_completion: Literal["delete", "keep"] = "delete"
    after_seconds: float = Field(default=0, ge=0, le=366 * 86_400)
    durability: Literal["sync", "async", "exit"] | None = Field(
        default=None, description="Every step is on disk before the next one, whatever is asked for"
    )
    strict_resume: bool = Field(default=False, description="Refuse an answer to what is not asked")

    def wanted(self, *, is_temporary: bool = False, webhook: str | None = None) -> Wanted:
        """For the runtime."""
        place = self.checkpoint.place if self.checkpoint else None
        if place is None and self.checkpoint_id is not None:
            place = {"checkpoint_id": self.checkpoint_id}
        modes = self.stream_mode if isinstance(self.stream_mode, list) else [self.stream_mode]
        return Wanted(
            assistant=self.assistant_id,
            input=None if self.command else self.input,  # agent-chat-ui sends {} beside it
            command=self.command,
            config=self.config.given,
            context=self.context,
            metadata=self.metadata,
            checkpoint=place,
            interrupt_before=self.interrupt_before,
            interrupt_after=self.interrupt_after,
            modes=modes,
            subgraphs=self.stream_subgraphs,
            is_resumable=self.stream_resumable,
            is_strict=self.strict_resume,
            is_temporary=is_temporary,
            strategy=self.multitask_strategy,
            after_seconds=self.after_seconds,
            webhook=webhook,
        )


class RunsCancel(Sent):
    """Which runs to stop."""

    model_config = _examples({"status": "all"})

    status: Literal["pending", "running", "all"] | None = None
    thread_id: str | None = None
    run_ids: list[str] | None = Field(default=None, max_length=1000)


class ThreadCreate(Sent):
    """A thread to be made."""

    model_config = _examples({"metadata": {"topic": "Friday's review"}})

    thread_id: NewId | None = Field(default=None, description="Random if left out")
    metadata: Json = {}
    if_exists: Literal["raise", "do_nothing"] = "raise"
    supersteps: list[Json] | None = Field(default=None, max_length=1000, description="A past to begin with")
    ttl: None = Field(default=None, description=_TTL)
    graph_id: str | None = Field(default=None, max_length=200, description="Whose past it is")


class ThreadPatch(Sent):
    """What to add to a thread's metadata."""

    model_config = _examples({"metadata": {"topic": "Friday's review"}})

    metadata: Json = {}
    ttl: None = Field(default=None, description=_TTL)


class ThreadFilter(Sent):
    """Which threads: all conditions hold."""

    model_config = _examples({"status": "interrupted"})

    ids: list[str] | None = Field(default=None, max_length=1000)
    metadata: Json = {}
    values: Json = {}
    status: ThreadStatus | None = None


class ThreadSearch(ThreadFilter):
    """Which threads, in which order, and what of them."""

    limit: Few = 10
    offset: Skip = 0
    sort_by: Literal["thread_id", "status", "created_at", "updated_at", "state_updated_at"] = "updated_at"
    sort_order: Literal["asc", "desc"] = "desc"
    select: list[str] | None = None
    extract: None = Field(default=None, description="Refused: `select` says which fields to send")


class ThreadPrune(Sent):
    """Whose past to forget."""

    model_config = _examples(
        {"thread_ids": ["0f8fad5b-d9cb-469f-a165-70867728950e"], "strategy": "keep_latest"}
    )

    thread_ids: list[str] = Field(max_length=1000)
    strategy: Literal["delete", "keep_latest"] = "delete"


class StateUpdate(Sent):
    """A change of a thread's state, as if a node had made it."""

    model_config = _examples({"values": {"x": "a"}, "as_node": "ask"})

    values: Any = None
    checkpoint: Checkpoint | None = None
    checkpoint_id: str | None = None
    as_node: str | None = Field(default=None, max_length=200)


class StateAt(Sent):
    """A place in a thread's past to look at."""

    model_config = _examples({"checkpoint": {"checkpoint_id": "1ef4f797-8335-6428-8001-8a1503f9b875"}})

    checkpoint: Checkpoint
    subgraphs: bool = False


class History(Sent):
    """Which part of a thread's past."""

    model_config = _examples({"limit": 10})

    limit: Few = 1
    before: Checkpoint | str | None = None
    metadata: Json | None = None
    checkpoint: Checkpoint | None = None


class AssistantCreate(Sent):
    """An assistant to be made."""

    model_config = _examples({"graph_id": "nexus", "name": "Mine"})

    graph_id: str = Field(min_length=1, max_length=200)
    assistant_id: NewId | None = None
    name: str | None = Field(default=None, max_length=200)
    description: str | None = Field(default=None, max_length=10_000)
    config: RunConfig = RunConfig()
    context: Json = {}
    metadata: Json = {}
    if_exists: Literal["raise", "do_nothing"] = "raise"


class AssistantPatch(Sent):
    """What to change of an assistant; what is left out stays."""

    model_config = _examples({"name": "Mine"})

    graph_id: str | None = Field(default=None, max_length=200)
    name: str | None = Field(default=None, max_length=200)
    description: str | None = Field(default=None, max_length=10_000)
    config: RunConfig | None = None
    context: Json | None = None
    metadata: Json | None = None


class AssistantFilter(Sent):
    """Which assistants: all conditions hold."""

    model_config = _examples({"metadata": {"created_by": "system"}})

    metadata: Json = {}
    graph_id: str | None = None
    name: str | None = None


class AssistantSearch(AssistantFilter):
    """Which assistants, in which order, and what of them."""

    limit: Few = 10
    offset: Skip = 0
    sort_by: Literal["assistant_id", "created_at", "updated_at", "name", "graph_id"] = "created_at"
    sort_order: Literal["asc", "desc"] = "desc"
    select: list[str] | None = None


class VersionsSearch(Sent):
    """Which versions of an assistant."""

    model_config = _examples({"limit": 10})

    metadata: Json = {}
    limit: Few = 10
    offset: Skip = 0


class VersionChoice(Sent):
    """Which version is to be the latest."""

    model_config = _examples({"version": 1})

    version: int = Field(ge=1, le=2**53)


Namespace = Annotated[list[Annotated[str, Field(min_length=1, max_length=500)]], Field(max_length=50)]


def _truth(value: Any) -> Any:
    """For Python, 0 is the same as false."""
    if not isinstance(value, bool):
        raise ValueError("it is no truth")  # noqa: TRY004 - pydantic's
    return value


_No = Annotated[Literal[False], BeforeValidator(_truth)]


class ItemPut(Sent):
    """An item to be kept."""

    model_config = _examples({"namespace": ["notes"], "key": "wifi", "value": {"text": "on the fridge"}})

    namespace: Namespace = Field(min_length=1)
    key: str = Field(min_length=1, max_length=500)
    value: Json
    index: _No | list[str] | None = None
    ttl: float | None = Field(default=None, gt=0, description="Minutes")


class ItemDelete(Sent):
    """An item to be forgotten."""

    model_config = _examples({"namespace": ["notes"], "key": "wifi"})

    namespace: Namespace = []
    key: str = Field(min_length=1, max_length=500)


class ItemSearch(Sent):
    """Which items."""

    model_config = _examples({"namespace_prefix": ["notes"]})

    namespace_prefix: Namespace | None = None
    filter: Json | None = None
    limit: Few = 10
    offset: Skip = 0
    query: str | None = Field(default=None, max_length=10_000)
    refresh_ttl: bool | None = None


class NamespaceSearch(Sent):
    """Which namespaces."""

    model_config = _examples({"prefix": ["notes"]})

    prefix: Namespace | None = None
    suffix: Namespace | None = None
    max_depth: Annotated[int, Field(ge=1, le=50)] | None = None
    limit: Few = 100
    offset: Skip = 0
