"""A program that has everything imported and forks a child for each job: a process costs milliseconds.

One job a line on standard input, one result a line on standard output. A child kills itself with SIGKILL at
the point it was told. Jobs of `lives` start a server, and act as the person who uses it over HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import sys
from pathlib import Path
from typing import Any, Self

from langgraph.types import Command

from nexus.core.decision import Approve, Decision, Edit, Reject, Respond
from nexus.errors import Conflict, NexusError
from nexus.ports.approvals import Alongside
from nexus.ports.clock import SystemClock
from nexus.ports.runs import going_on
from tests.durability.cuts import cut
from tests.durability.lives import LIVES
from tests.durability.mortal_server import mortal
from tests.durability.points import Points
from tests.world import MAIL, World

DECISIONS: dict[str, Decision] = {
    "approve": Approve(),
    "reject": Reject(),
    "edit": Edit({**MAIL, "subject": "edited"}),
}
APPROVE = {"decisions": [{"type": "approve"}]}
ROUNDS = 8
"""Far more visits than a person needs to bring a thread to its end."""


class MortalWorld(World):
    """A world whose process may die before and after everything it writes and sends."""

    def __init__(self, home: Path, points: Points) -> None:
        super().__init__(home, clock=SystemClock(), database=points.database())
        self._points = points
        self.tools.sabotage = points.around_the_call

    async def __aenter__(self) -> Self:
        """Open the files, then stand around every write of a checkpoint."""
        await super().__aenter__()
        self._points.around_checkpoints(self.saver)
        return self


async def act(world: World, decision: Decision) -> None:
    """What a person does: ask for something, look at the action, decide, let it go on."""
    await world.start()
    await world.decide(decision, alongside=Alongside(going_on("t"), world.owner.token))
    await world.resume()


async def come_back(world: World, decision: Decision) -> dict[str, Any]:
    """What happens after a death: recovery at boot, then the same person, who looks before answering."""
    await world.boot()
    unknown = None
    for _ in range(ROUNDS):
        if not await world.threads.search():
            return {"status": "idle", "unknown": None, "steps": 0}
        view = await world.view()
        if view.status == "idle":
            return {
                "status": view.status,
                "unknown": unknown,
                "steps": len(view.steps),
                "ending": view.ending,
            }
        if view.status == "waiting":
            (approval,) = view.approvals
            if approval.question == "outcome":
                unknown = "it had happened" if world.effects else "it had not happened"
                answer: Decision = Respond("I saw it") if world.effects else Approve()
            else:
                answer = decision
            await world.runner.decide(approval.id, answer, actor="test")
        await world.resume()
    return {"status": (await world.view()).status, "unknown": unknown, "steps": -1}


async def run_act(job: dict[str, Any]) -> dict[str, Any]:
    """One life, to its end or to the deadly point."""
    points = Points(job.get("point"))
    async with MortalWorld(Path(job["home"]), points) as world:
        await act(world, DECISIONS[job["decision"]])
        view = await world.view()
        return {"points": points.names, "effects": len(world.effects), "ending": view.ending}


async def run_recover(job: dict[str, Any]) -> dict[str, Any]:
    """The next life; it may end too early as well."""
    points = Points(job.get("point"))
    async with MortalWorld(Path(job["home"]), points) as world:
        result = await come_back(world, DECISIONS[job["decision"]])
        rows = await world.database.read(
            lambda connection: [tuple(row) for row in connection.execute("SELECT key, outcome FROM effects")]
        )
        return {**result, "points": points.names, "effects": world.effects, "ledger": rows}


async def run_pause(job: dict[str, Any]) -> dict[str, Any]:
    """A life that ends in good order while the question stands."""
    async with World(Path(job["home"]), clock=SystemClock()) as world:
        await world.start()
        if job.get("decided"):
            await world.decide(Approve())
        return {}


async def run_race(job: dict[str, Any]) -> dict[str, Any]:
    """One of several processes that wake up at the same moment."""
    async with World(Path(job["home"]), clock=SystemClock()) as world:
        pending = await world.view()
        approvals = [approval.id for approval in pending.approvals]
        _at_the_gun(job)
        said: list[str] = []
        try:
            if job["how"] == "around the runner":
                await world.graph.ainvoke(Command(resume=APPROVE), world.config(), durability="sync")
                said.append("ran")
            if job["how"] in ("approve", "reject"):
                with contextlib.suppress(Conflict):
                    await world.runner.decide(approvals[0], DECISIONS[job["how"]], actor="test")
                    said.append(job["how"])
            if job["how"] != "around the runner":
                await world.resume()
                said.append("ran")
        except Conflict:
            said.append("conflict")
        return {"said": said}


async def run_open(job: dict[str, Any]) -> dict[str, Any]:
    """One of several processes that start on a home that is not there yet."""
    _at_the_gun(job)
    async with World(Path(job["home"]), clock=SystemClock()) as world:
        await world.runner.create_thread()
        return {"threads": len(await world.threads.search())}


def _at_the_gun(job: dict[str, Any]) -> None:
    Path(job["ready"]).touch()
    while not Path(job["gun"]).exists():
        pass


SERVED = {**LIVES, "cut": cut}
JOBS = {"act": run_act, "recover": run_recover, "pause": run_pause, "race": run_race, "open": run_open}


def _in_child(job: dict[str, Any], result: Path) -> None:
    try:
        life = SERVED.get(job["job"])
        done = life(job) if life else asyncio.run(JOBS[job["job"]](job))
    except NexusError as error:
        done = {"error": f"{type(error).__name__}: {error}"}
    result.write_text(json.dumps(done))


def fork(job: dict[str, Any], result: Path) -> int:
    """Start a job in a child."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            _in_child(job, result)
            status = 0
        finally:
            sys.stderr.flush()
            os._exit(status)
    return pid


def serve() -> None:
    """Run the jobs of each line at once; answer with their results and how their processes ended."""
    gc.freeze()
    for line in sys.stdin:
        jobs = json.loads(line)
        if any(job["job"] in SERVED for job in jobs):
            mortal()  # made once, not in every child
        scratch = Path(jobs[0]["home"]).parent
        results = [scratch / f"result-{number}.json" for number in range(len(jobs))]
        pids = [fork(job, result) for job, result in zip(jobs, results, strict=True)]
        if "gun" in jobs[0]:
            while not all(Path(job["ready"]).exists() for job in jobs):
                pass
            Path(jobs[0]["gun"]).touch()
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
        answers = [
            {"code": code, **(json.loads(result.read_text()) if code == 0 else {})}
            for code, result in zip(codes, results, strict=True)
        ]
        print(json.dumps(answers), flush=True)


if __name__ == "__main__":
    serve()
