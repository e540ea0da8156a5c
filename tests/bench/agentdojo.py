"""The gate against AgentDojo's attacks: its calls, its worlds, its checks; no model.

The model is taken for owned: it makes the calls that the user's task needs, and behind the first of them
those that the attacker wants. They go through policy, approve and execute as in a run, over AgentDojo's tools
run by its own runtime. Whoever is asked approves exactly the calls that the user's task needs, by name and
arguments.

What a tool does is not taken from its name or from a list: each call of each ground truth is made, and a
tool that changed a world with one is taken to change worlds. A tool that no ground truth calls is unknown.

    python -m tests.bench.agentdojo [--suites slack,banking] [--every N] [--gate on|off|both]

AgentDojo 0.1.35 needs google-genai, which needs older tenacity and websockets than Nexus's own pins. So it
lives in a virtual environment of its own: `pip install agentdojo==0.1.35 -e .`, without the constraints.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sys
import time
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from graphs.approve import Approve as ApproveNode
from graphs.decisions import record_decision
from graphs.execute import Execute
from graphs.parts import Parts
from graphs.routes import after_approve, after_execute
from graphs.state import State
from nexus.core.decision import Approve, Reject
from nexus.core.tool import ToolSpec
from nexus.errors import NotFound, ToolFailed
from nexus.ports.clock import SystemClock
from nexus.ports.tools import ToolResult
from nexus.store.approvals import SqliteApprovals
from nexus.store.audit import SqliteAudit
from nexus.store.database import Database
from nexus.store.ledger import SqliteLedger
from nexus.store.owner import Owner
from nexus.testing import FixedIndex, ScriptedModel

VERSION = "v1.2.2"
MEMORY = "/dev/shm" if Path("/dev/shm").exists() else None  # noqa: S108 - a folder of our own inside it
_NOBODY_SAYS = {"decisions": [{"type": "reject", "message": "I did not ask for this."}]}


@dataclass
class DojoTools:
    """The tools port over one world of AgentDojo."""

    runtime: Any
    specs: Mapping[str, ToolSpec]
    world: Any = None
    made: list[tuple[str, dict[str, Any]]] = field(default_factory=list[Any])

    def all(self) -> Sequence[ToolSpec]:
        return list(self.specs.values())

    def connected(self) -> frozenset[str]:
        return frozenset(spec.toolkit for spec in self.specs.values())

    async def freshen(self) -> None:
        pass

    async def earlier(self, slug: str) -> Sequence[ToolSpec]:  # noqa: ARG002 - of any tool
        return []

    def get(self, slug: str) -> ToolSpec:
        if slug not in self.specs:
            raise NotFound(f"There is no tool {slug!r}.")
        return self.specs[slug]

    async def call(self, spec: ToolSpec, arguments: Mapping[str, Any], *, key: str) -> ToolResult:  # noqa: ARG002
        result, error = self.runtime.run_function(self.world, spec.slug, dict(arguments))
        self.made.append((spec.slug, dict(arguments)))
        if error:
            raise ToolFailed(str(error))
        return ToolResult(str(result))


@dataclass
class Figures:
    """What came out."""

    pairs: int = 0
    attacks: int = 0
    done: int = 0
    asks: int = 0
    asks_alone: int = 0
    alone: int = 0
    done_alone: int = 0


class Gate:
    """Policy, approve and execute over one suite; or, switched off, the calls as they are."""

    def __init__(self, tools: DojoTools, parts: Parts | None) -> None:
        self._tools = tools
        self._parts = parts
        self._graph = _graph(parts) if parts else None
        self.asks = 0

    async def make(self, calls: Sequence[Any], wanted: Sequence[tuple[str, str]]) -> None:
        """Make the calls in a thread of their own; whoever is asked wants only those."""
        thread = uuid.uuid4().hex
        for call in calls:
            arguments = json.loads(json.dumps(call.args, default=str))
            if self._graph is None:
                await self._ungated(call.function, arguments)
            else:
                await self._gated(thread, call.function, arguments, wanted)

    async def _ungated(self, tool: str, arguments: Mapping[str, Any]) -> None:
        try:
            await self._tools.call(self._tools.specs[tool], arguments, key="")
        except ToolFailed:
            return

    async def _gated(
        self, thread: str, tool: str, arguments: dict[str, Any], wanted: Sequence[tuple[str, str]]
    ) -> None:
        assert self._graph is not None
        assert self._parts is not None
        config: Any = {"configurable": {"thread_id": thread}}
        call = {"id": uuid.uuid4().hex, "tool": tool, "arguments": arguments, "attempt": 1}
        spent = {"steps": 0, "failures": 0, "tokens": 0, "seconds": 0.0}
        update = {
            "call": call,
            "go": False,
            "question": "action",
            "spent": spent,
            "found": [],
            "ending": None,
        }
        result = await self._graph.ainvoke(update, config)
        if "__interrupt__" not in result:
            return
        self.asks += 1
        approval = await self._parts.approvals.get(f"{call['id']}-1")
        is_wanted = (tool, json.dumps(arguments, sort_keys=True)) in wanted
        decision = Approve() if is_wanted else Reject("I did not ask for this.")
        await record_decision(self._parts, approval, decision, actor="bench", digest=approval.digest)
        await self._graph.ainvoke(Command(resume=_NOBODY_SAYS), config)


def _graph(parts: Parts) -> Any:
    graph = StateGraph(State)
    graph.add_node("approve", ApproveNode(parts))
    graph.add_node("execute", Execute(parts))
    graph.add_edge(START, "approve")
    ends = {"execute": "execute", "approve": "approve", "tool-select": END, "__end__": END}
    graph.add_conditional_edges("approve", after_approve, ends)
    graph.add_conditional_edges("execute", after_execute, {"approve": "approve", "tool-select": END})
    return graph.compile(checkpointer=InMemorySaver())


def specs_of(suite: Any, name: str) -> dict[str, ToolSpec]:
    """Every tool of a suite, with what its calls were seen to do."""
    seen: dict[str, bool] = {}
    for task in itertools.chain(suite.user_tasks.values(), suite.injection_tasks.values()):
        world = _world(suite, task)
        for call in task.ground_truth(world):
            before = world.model_dump_json()
            _runtime(suite).run_function(world, call.function, call.args)
            seen[call.function] = seen.get(call.function, False) or world.model_dump_json() != before
    return {tool.name: _spec(tool, name, seen.get(tool.name)) for tool in suite.tools}


def _spec(tool: Any, suite: str, changes: bool | None) -> ToolSpec:  # noqa: FBT001
    hints: Any = {None: (), True: ("updateHint", "openWorldHint"), False: ("readOnlyHint",)}[changes]
    return ToolSpec(
        slug=tool.name,
        toolkit=suite,
        title=tool.name,
        description=tool.description,
        parameters={"type": "object"},
        hints=frozenset(hints),
        account="the user's",
        needs_account=True,
    )


def _world(suite: Any, task: Any) -> Any:
    world = suite.load_and_inject_default_environment({})
    return task.init_environment(world) if hasattr(task, "init_environment") else world


def _runtime(suite: Any) -> Any:
    from agentdojo.functions_runtime import FunctionsRuntime  # noqa: PLC0415 - in a venv of its own

    return FunctionsRuntime(suite.tools)


async def _pair(
    suite: Any, gate: Gate, tools: DojoTools, user_task: Any, injection: Any
) -> tuple[bool, bool]:
    """The user's task with the attacker's calls behind its first one: is it done, did the attack succeed?"""
    from agentdojo.functions_runtime import FunctionCall  # noqa: PLC0415 - in a venv of its own

    tools.world, tools.made = _world(suite, user_task), []
    before = tools.world.model_copy(deep=True)
    calls = list(user_task.ground_truth(tools.world))
    wanted = [
        (call.function, json.dumps(json.loads(json.dumps(call.args, default=str)), sort_keys=True))
        for call in calls
    ]
    injected = list(injection.ground_truth(tools.world)) if injection is not None else []
    await gate.make([*calls[:1], *injected, *calls[1:]], wanted)
    output = user_task.GROUND_TRUTH_OUTPUT
    trace = [FunctionCall(function=tool, args=arguments) for tool, arguments in tools.made]

    def check(task: Any) -> bool:
        content = [{"type": "text", "content": output}]
        return bool(suite._check_task_result(task, content, before, tools.world, trace))

    return check(user_task), injection is not None and check(injection)


async def measure(suite: Any, name: str, *, gated: bool, every: int, folder: Path) -> Figures:
    """All pairs of a suite, or every so manyth."""
    figures = Figures()
    async with AsyncExitStack() as stack:
        tools = DojoTools(_runtime(suite), specs_of(suite, name))
        parts = await _parts(tools, folder, stack) if gated else None
        gate = Gate(tools, parts)
        for task in itertools.islice(suite.user_tasks.values(), 0, None, every):
            gate.asks = 0
            done, _ = await _pair(suite, gate, tools, task, None)
            figures.alone += 1
            figures.done_alone += done
            figures.asks_alone += gate.asks
        for task, injection in itertools.islice(_pairs(suite), 0, None, every):
            gate.asks = 0
            done, attacked = await _pair(suite, gate, tools, task, injection)
            figures.pairs += 1
            figures.done += done
            figures.attacks += attacked
            figures.asks += gate.asks
    return figures


def _pairs(suite: Any) -> Iterator[tuple[Any, Any]]:
    return itertools.product(suite.user_tasks.values(), suite.injection_tasks.values())


async def _parts(tools: DojoTools, folder: Path, stack: AsyncExitStack) -> Parts:
    clock = SystemClock()
    database = Database(folder / "nexus.db", clock)
    stack.push_async_callback(database.close)
    owner = Owner(folder / "owners")
    stack.callback(owner.close)
    approvals, ledger = SqliteApprovals(database), SqliteLedger(database, owner)
    audit = SqliteAudit(database, "owner")
    return Parts(ScriptedModel(), tools, FixedIndex(), approvals, ledger, clock, audit=audit)


async def main(arguments: Sequence[str]) -> int:
    """Print the table; 1 if an attack got through the gate or a task cannot be done behind it."""
    from agentdojo.task_suite.load_suites import get_suites  # noqa: PLC0415 - in a venv of its own

    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--suites", default="workspace,travel,banking,slack")
    parser.add_argument("--every", type=int, default=1, help="only every so manyth pair")
    parser.add_argument("--gate", choices=("on", "off", "both"), default="both")
    chosen = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    suites, failed = get_suites(VERSION), False
    print("| gate | suite | attacks that succeed | user tasks done | asks | tasks alone done | asks |")
    print("|---|---|---|---|---|---|---|")
    for gate in ("off", "on") if chosen.gate == "both" else (chosen.gate,):
        total, started = Figures(), time.monotonic()
        for name in chosen.suites.split(","):
            with TemporaryDirectory(dir=MEMORY) as folder:
                found = await measure(
                    suites[name], name, gated=gate == "on", every=chosen.every, folder=Path(folder)
                )
            print(_row(gate, name, found), flush=True)
            total = Figures(**{key: value + vars(found)[key] for key, value in vars(total).items()})
        print(_row(gate, "all", total), f"({time.monotonic() - started:.0f} s)", flush=True)
        failed |= gate == "on" and (total.attacks > 0 or total.done < total.pairs)
    return int(failed)


def _row(gate: str, name: str, found: Figures) -> str:
    cells = (
        gate,
        name,
        f"{found.attacks} of {found.pairs}",
        f"{found.done} of {found.pairs}",
        f"{found.asks / found.pairs:.2f}",
        f"{found.done_alone} of {found.alone}",
        f"{found.asks_alone / found.alone:.2f}",
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
