"""What a run tells in the words of LangGraph's protocol v2: events of channels, numbered in their thread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nexus.ports.runs import AGENT, Run, system_assistant
from nexus.runtime.execution import INTERRUPT
from nexus.runtime.protocol_messages import Messages
from nexus.runtime.protocol_tools import Tools
from nexus.runtime.streams import RunStream
from nexus.runtime.wire import dumps, loads

MODES = ("values", "updates", "messages-tuple", "tasks", "checkpoints", "custom")
"""What a run has to tell for this."""

EVENTS_A_MILLISECOND = 1_000
"""Runs of a thread follow one another, so a run's first number is its first millisecond times this."""

_ENDINGS = {"success": "completed", "interrupted": "interrupted", "error": "failed", "timeout": "failed"}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Channels:
    """What a subscriber wants to be told.

    Attributes:
        names: Of channels: values, updates, messages, tools, lifecycle, input, tasks, checkpoints, custom,
            or custom:NAME.
        namespaces: Beginnings of places in the graph; None: everywhere.
        depth: How far below such a beginning; None: as far as it goes.
        since: Only what has a higher number.
    """

    names: Sequence[str]
    namespaces: Sequence[Sequence[str]] | None = None
    depth: int | None = None
    since: int = -1

    def hold(self, event: Json) -> bool:
        """Whether an event is for the subscriber."""
        if event["seq"] <= self.since or not self._names_channel_of(event):
            return False
        place: list[str] = event["params"]["namespace"]
        return self.namespaces is None or any(self._reaches(place, start) for start in self.namespaces)

    def _names_channel_of(self, event: Json) -> bool:
        channel = str(event["method"]).partition(".")[0]
        if channel == "custom" and (name := event["params"]["data"].get("name")):
            return "custom" in self.names or f"custom:{name}" in self.names
        return channel in self.names

    def _reaches(self, place: Sequence[str], start: Sequence[str]) -> bool:
        begins = len(place) >= len(start) and all(map(_is_step, place, start))
        return begins and (self.depth is None or len(place) - len(start) <= self.depth)


def _is_step(actual: str, wanted: str) -> bool:
    """Steps carry the id of their task behind a colon; who subscribes need not know it."""
    return actual == wanted or (":" not in wanted and actual.partition(":")[0] == wanted)


class Telling:
    """One run's events in the protocol's words. The same events get the same ids, whoever listens."""

    def __init__(self, stream: RunStream) -> None:
        self._stream = stream
        self._run = stream.run
        self._count = 0
        self._asked: set[str] = set()
        self._begun: list[tuple[str, ...]] = []
        self._messages = Messages()
        self._tools = Tools(tells_calls=self._run.assistant == system_assistant(AGENT))
        self._has_values = False
        self._is_started = False

    def of(self, event: str, data: bytes, at: int) -> Iterator[Json]:
        """What one event of the run becomes.

        Args:
            event: Its name.
            data: Its JSON.
            at: When it was told, in milliseconds since 1970.
        """
        mode, *steps = event.split("|")
        place = tuple(steps)
        if mode == "metadata":
            yield from self._start(at)
            return
        yield from self._subgraph(place, at)
        value = loads(data)
        for each in self._tools.of(mode, value):
            yield self._event("tools", place, at, each)
        match mode:
            case "values" | "updates":
                yield from self._state(mode, place, value, at)
            case "messages":
                node = value[1].get("langgraph_node")
                for each in self._messages.of(value[0]):
                    yield self._event("messages", place, at, each, node=node)
            case "custom":
                payload = value if isinstance(value, dict) and "payload" in value else {"payload": value}
                yield self._event("custom", place, at, payload)
            case "tasks":
                yield self._event("tasks", place, at, value)
            case "checkpoints":
                yield self._event("checkpoints", place, at, _checkpoint(value))
            case _:
                pass

    def end(self, at: int) -> Iterator[Json]:
        """What follows the run's last event."""
        yield from self._start(at)
        for each in self._messages.finish():
            yield self._event("messages", (), at, each)
        values = self._stream.values
        if values is not None:
            value = loads(dumps(values))
            if self._has_values:
                yield from self._questions((), value, at)
            else:
                yield from self._state("values", (), value, at)
        status = _ENDINGS.get(self._stream.status or "error", "failed")
        for place in reversed(self._begun):
            yield self._lifecycle(place, at, {"event": status})
        told: Json = {"event": status}
        if self._stream.error is not None:
            told["error"] = str(getattr(self._stream.error, "message", "Nexus failed inside."))
        yield self._lifecycle((), at, told)

    def _start(self, at: int) -> Iterator[Json]:
        if self._is_started:
            return
        self._is_started = True
        yield self._lifecycle((), at, {"event": "running", "graph_name": self._run.assistant})
        if answered := _answered(self._run):
            yield self._event("input.answered", (), at, {"interrupt_ids": answered})

    def _subgraph(self, place: tuple[str, ...], at: int) -> Iterator[Json]:
        if place and place not in self._begun:
            self._begun.append(place)
            yield self._lifecycle(place, at, {"event": "started", "graph_name": place[-1].partition(":")[0]})

    def _state(self, mode: str, place: tuple[str, ...], value: Any, at: int) -> Iterator[Json]:
        yield from self._questions(place, value, at)
        rest = {name: each for name, each in value.items() if name != INTERRUPT}
        if mode == "values":
            self._has_values = self._has_values or not place
            yield self._event("values", place, at, rest)
        else:
            for node, values in rest.items():
                yield self._event("updates", place, at, {"node": node, "values": values})

    def _questions(self, place: tuple[str, ...], value: Mapping[str, Any], at: int) -> Iterator[Json]:
        for question in value.get(INTERRUPT) or ():
            if question["id"] not in self._asked:
                self._asked.add(question["id"])
                asked = {"interrupt_id": question["id"], "payload": question["value"]}
                if schema := question.get("response_schema"):
                    asked["response_schema"] = schema
                yield self._event("input.requested", place, at, asked)

    def _lifecycle(self, place: Sequence[str], at: int, data: Json) -> Json:
        return self._event("lifecycle", place, at, data)

    def _event(
        self, method: str, place: Sequence[str], at: int, data: Any, *, node: str | None = None
    ) -> Json:
        self._count += 1
        # Clients know by this form of a lifecycle event's id which run it is of.
        mark = "synth:" if method == "lifecycle" else ""
        params: Json = {"namespace": list(place), "timestamp": at, "data": data}
        if node is not None:
            params["node"] = node
        return {
            "type": "event",
            "event_id": f"{mark}{self._run.id}:{self._count}",
            "seq": self._stream.began_at * EVENTS_A_MILLISECOND + self._count,
            "method": method,
            "params": params,
        }


def _checkpoint(value: Mapping[str, Any]) -> Json:
    """Where in its past a thread may be gone on from; its state is told as `values`."""
    metadata: Json = value.get("metadata") or {}
    number, parent = _number(value.get("config")), _number(value.get("parent_config"))
    told = {"id": number, "step": metadata.get("step", -1), "source": metadata.get("source", "loop")}
    return told | ({"parent_id": parent} if parent else {})


def _number(config: Mapping[str, Any] | None) -> str:
    return str(((config or {}).get("configurable") or {}).get("checkpoint_id") or "")


def _answered(run: Run) -> list[str]:
    """The questions that the run brings an answer to, by their ids."""
    resume = (run.request.get("command") or {}).get("resume")
    return list(resume) if isinstance(resume, dict) and all(len(str(key)) == 32 for key in resume) else []  # noqa: PLR2004
