"""The agent's wiring: four nodes, and nothing else."""

from __future__ import annotations

from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from graphs.approve import Approve
from graphs.execute import Execute
from graphs.parts import Parts
from graphs.reason import Reason
from graphs.routes import after_approve, after_execute, after_reason, after_tool_select
from graphs.state import Input, State
from graphs.tool_select import ToolSelect


def build(
    parts: Parts, checkpointer: BaseCheckpointSaver[Any] | None = None
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """The compiled graph over `parts`; run it with `durability="sync"`."""
    graph = StateGraph(State, input_schema=Input)
    graph.add_node("tool-select", ToolSelect(parts))
    graph.add_node("reason", Reason(parts))
    graph.add_node("approve", Approve(parts))
    graph.add_node("execute", Execute(parts))
    graph.add_edge(START, "tool-select")
    graph.add_conditional_edges("tool-select", after_tool_select, ["reason", "__end__"])
    graph.add_conditional_edges("reason", after_reason, ["approve", "tool-select", "__end__"])
    graph.add_conditional_edges("approve", after_approve, ["execute", "approve", "tool-select", "__end__"])
    graph.add_conditional_edges("execute", after_execute, ["approve", "tool-select"])
    return graph.compile(checkpointer=checkpointer, name="nexus")
