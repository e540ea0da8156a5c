"""What a graph looks like: its nodes, its schemas, the graphs in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.pregel import Pregel
from pydantic import TypeAdapter

from nexus.ports.assistants import Assistant
from nexus.runtime.graphs import Graphs

Json = dict[str, Any]


async def drawing_of(graphs: Graphs, assistant: Assistant, *, xray: bool | int = False) -> Json:
    """Nodes and edges."""
    async with graphs.get(assistant.graph).open(_config(assistant)) as graph:
        return (await graph.aget_graph(xray=xray)).to_json()


async def schemas_of(graphs: Graphs, assistant: Assistant) -> Json:
    """A `GraphSchema`."""
    async with graphs.get(assistant.graph).open(_config(assistant)) as graph:
        return {"graph_id": assistant.graph, **_schemas(graph)}


async def subgraphs_of(
    graphs: Graphs, assistant: Assistant, *, namespace: str | None = None, recurse: bool = False
) -> Json:
    """The schemas of the graphs in it, by their namespaces."""
    async with graphs.get(assistant.graph).open(_config(assistant)) as graph:
        return {
            name: _schemas(inner)
            async for name, inner in graph.aget_subgraphs(namespace=namespace, recurse=recurse)
        }


def _schemas(graph: Pregel[Any, Any, Any, Any] | Any) -> Json:
    return {
        "input_schema": _told(graph.get_input_jsonschema),
        "output_schema": _told(graph.get_output_jsonschema),
        "state_schema": _told(lambda: _state_schema(graph)),
        "config_schema": _told(graph.get_context_jsonschema),
        "context_schema": _told(graph.get_context_jsonschema),
    }


def _state_schema(graph: Any) -> Json | None:
    """Every channel of the state: what the stream's state looks like."""
    return (
        graph.get_input_jsonschema() if not hasattr(graph, "builder") else _typed(graph.builder.state_schema)
    )


def _typed(schema: Any) -> Json:

    return TypeAdapter(schema).json_schema()


def _told(schema: Callable[[], Json | None]) -> Json | None:
    """The schema, or None: some types (`typing.TypedDict` before Python 3.12, say) cannot be told."""
    try:
        return schema()
    # Which error it is depends on whoever wrote the type, and there is nothing to be done about it.
    except Exception:  # noqa: BLE001
        return None


def _config(assistant: Assistant) -> RunnableConfig:
    return {"configurable": dict(assistant.config.get("configurable") or {})}
