"""`nexus serve` beside `langgraph dev`: the same graph, the same client, one after the other in one run.

Run it with `python -m tests.bench.langgraph_server`. It needs `bench/langgraph_api.py` and its graph, of the
shared folder (NEXUS_SHARED, or `shared` beside the checkout). `--dev PROGRAM` names the `langgraph` of a
virtual environment of its own. A flow is: make a thread, run to the graph's question, answer it. No model
takes part. It prints, for both:

- flows: milliseconds (p50) of one client, flows a second of sixteen, and the server's CPU time for each flow
- streams: milliseconds (p50) to the first event of a run, memory of 200 idle streams, what they do to a flow
- SIGKILL right after the answer: what the next server knows of the thread

Bars: 15 ms alone, 8 ms of CPU, 100 flows a second, 10 ms to the first event, 1 MB a stream, nothing lost.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
from langgraph_sdk import get_client

from tests.bench.toolselect_data import shared_folder
from tests.servers.nexus import ROOT

GRAPH = "langgraph_bench_graph.py"
ALONE, TOGETHER = 60, 160
WARM_UP = 10
UNCOUNTED = 5
"""Flows that the script makes before it measures."""

FIRST_EVENTS, STREAMS = 40, 200
MEGABYTE = 1_000_000

Json = dict[str, Any]


@dataclass
class Contestant:
    """A server to measure: how to start it in a folder on a port."""

    name: str
    command: Callable[[int], list[str]]

    @contextmanager
    def serving(self, folder: Path) -> Iterator[tuple[psutil.Process, str]]:
        """Its process and where it listens; killed at the end, as nobody would wish."""
        port = _free_port()
        environment = {
            **os.environ,
            "NEXUS_HOME": str(folder / "home"),
            "NEXUS_MODEL": "openai:http://127.0.0.1:9/v1#none",
            "PYTHONPATH": str(ROOT),
            "LANGGRAPH_CLI_NO_ANALYTICS": "1",
            "LANGSMITH_TRACING": "false",
        }
        with (
            (folder / "log").open("ab") as log,
            subprocess.Popen(
                self.command(port),
                cwd=folder,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            ) as server,
        ):
            try:
                _wait_for(f"http://127.0.0.1:{port}/ok")
                yield psutil.Process(server.pid), f"http://127.0.0.1:{port}"
            finally:
                os.killpg(server.pid, signal.SIGKILL)

    def measure(self, folder: Path) -> Json:
        """All figures of it."""
        with self.serving(folder) as (process, url):
            _flows(process, url, 1, WARM_UP, folder)
            alone = _flows(process, url, 1, ALONE, folder)
            together = _flows(process, url, 16, TOGETHER, folder)
            streams = asyncio.run(_streams(process, url))
        with self.serving(folder) as (process, url):
            thread = asyncio.run(_run_to_the_question(url))
            os.kill(process.pid, signal.SIGKILL)
        with self.serving(folder) as (_, url):
            answer = httpx.get(f"{url}/threads/{thread}", trust_env=False)
            left = answer.json()["status"] if answer.is_success else f"HTTP {answer.status_code}"
        return {
            "p50 of a flow, one client (ms)": alone["flow_ms"]["p50"],
            "p95 of the same (ms)": alone["flow_ms"]["p95"],
            "flows/s, 16 clients": together["flows_per_s"],
            "server CPU a flow, one client (ms)": alone["cpu_ms"],
            "server CPU a flow, 16 clients (ms)": together["cpu_ms"],
            **streams,
            "the thread after SIGKILL": left,
            "errors": alone["errors"] + together["errors"] + alone["not_ok"] + together["not_ok"],
        }


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def _wait_for(url: str) -> None:
    with httpx.Client(transport=httpx.HTTPTransport(retries=8), trust_env=False) as client:
        client.get(url, timeout=60).raise_for_status()


def _cpu(process: psutil.Process) -> float:
    """Seconds of CPU time of the server, its children included."""
    family = [process, *process.children(recursive=True)]
    return sum(sum(each.cpu_times()[:2]) for each in family)


def _flows(process: psutil.Process, url: str, clients: int, count: int, folder: Path) -> Json:
    """What the shared script measures, and the CPU time that the server took for each flow."""
    out = folder / f"flows-{clients}.json"
    script = shared_folder() / "bench" / "langgraph_api.py"
    command = [sys.executable, str(script), url, "--assistant", "bench", "--conc", str(clients)]
    before = _cpu(process)
    subprocess.run(
        [*command, "--n1", str(count), "--n16", str(count), "--json", str(out)],
        check=True,
        capture_output=True,
    )
    spent = (_cpu(process) - before) * 1000 / (count + UNCOUNTED)
    return {**json.loads(out.read_text())["results"][0], "cpu_ms": round(spent, 1)}


async def _run_to_the_question(url: str) -> str:
    async with get_client(url=url, api_key=None) as client:
        thread = (await client.threads.create())["thread_id"]
        asked: Any = await client.runs.wait(thread, "bench", input={"x": "a"})
        assert asked["__interrupt__"]
        return thread


async def _streams(process: psutil.Process, url: str) -> Json:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False, limits=limits) as client:
        first = [await _first_event(client) for _ in range(FIRST_EVENTS)]
        before = [await _flow(client) for _ in range(FIRST_EVENTS)]
        memory = process.memory_info().rss
        async with AsyncExitStack() as stack:
            for _ in range(STREAMS):
                await stack.enter_async_context(_idle(client, await _thread(client)))
            taken = (process.memory_info().rss - memory) / STREAMS / MEGABYTE
            beside = [await _flow(client) for _ in range(FIRST_EVENTS)]
    return {
        "first event of a stream (ms)": _median(first),
        f"memory of an idle stream, {STREAMS} open (MB)": round(taken, 2),
        "p50 of a flow without them (ms)": _median(before),
        "p50 of a flow beside them (ms)": _median(beside),
    }


def _median(seconds: list[float]) -> float:
    return round(statistics.median(seconds) * 1000, 1)


async def _thread(client: httpx.AsyncClient) -> str:
    return (await client.post("/threads", json={})).raise_for_status().json()["thread_id"]


def _idle(client: httpx.AsyncClient, thread: str) -> Any:
    return client.stream("GET", f"/threads/{thread}/stream")


async def _first_event(client: httpx.AsyncClient) -> float:
    thread, taken = await _thread(client), 0.0
    body = {"assistant_id": "bench", "input": {"x": "a"}, "stream_mode": ["values", "updates"]}
    began = time.perf_counter()
    async with client.stream("POST", f"/threads/{thread}/runs/stream", json=body) as response:
        async for line in response.aiter_lines():
            if line and not taken:
                taken = time.perf_counter() - began
    return taken


async def _flow(client: httpx.AsyncClient) -> float:
    began = time.perf_counter()
    thread = await _thread(client)
    for more in ({"input": {"x": "a"}}, {"command": {"resume": {"ok": True}}}):
        body = {"assistant_id": "bench", **more}
        (await client.post(f"/threads/{thread}/runs/wait", json=body)).raise_for_status()
    return time.perf_counter() - began


def _folder_of(place: Path, name: str) -> Path:
    """Where a server is started: the graph, and what names it."""
    folder = place / name
    folder.mkdir()
    (folder / GRAPH).write_bytes((shared_folder() / "bench" / GRAPH).read_bytes())
    graphs = {"dependencies": ["."], "graphs": {"bench": f"./{GRAPH}:graph"}}
    (folder / "langgraph.json").write_text(json.dumps(graphs))
    return folder


def contestants(dev: str) -> list[Contestant]:
    """Who is measured."""
    nexus = [sys.executable, "-m", "nexus", "serve", "--config", "langgraph.json", "--port"]
    peer = [*dev.split(), "dev", "--no-browser", "--no-reload", "--port"]
    return [
        Contestant("nexus serve", lambda port: [*nexus, str(port)]),
        Contestant("langgraph dev", lambda port: [*peer, str(port)]),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--dev", default=f"{sys.executable} -m langgraph_cli", help="the `langgraph` program")
    parser.add_argument("--only", default="", help="measure only the one whose name begins so")
    given = parser.parse_args()
    found: dict[str, Json] = {}
    with tempfile.TemporaryDirectory() as place:
        for each in contestants(given.dev):
            if each.name.startswith(given.only):
                print(f"load average {os.getloadavg()[0]:.1f} before {each.name}", flush=True)
                found[each.name] = each.measure(_folder_of(Path(place), each.name.replace(" ", "-")))
    print(f"load average {os.getloadavg()[0]:.1f} at the end")
    for figure in next(iter(found.values())):
        print(
            f"{figure:45}",
            *(f"{name}: {figures[figure]!s:>12}" for name, figures in found.items()),
            _ratio(figure, found),
        )


def _ratio(figure: str, found: dict[str, Json]) -> str:
    values = [figures[figure] for figures in found.values()]
    if len(values) < 2 or not all(isinstance(value, float) and value > 0 for value in values):
        return ""
    return f"ratio {values[0] / values[1]:.2f}"


if __name__ == "__main__":
    main()
