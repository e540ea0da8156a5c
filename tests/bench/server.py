"""What `nexus serve` needs when it has nothing to do, and how fast the command line answers.

Run it with `python -m tests.bench.server`. It prints the seconds of `nexus --help` (bar: 0.5), those from
the start of `nexus serve` until it answers (bar: 3), and its resident memory with no embedded model loaded
(bar: 200 MB).
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psutil

NEXUS = [sys.executable, "-m", "nexus"]
HELP_RUNS = 7
QUIET_SECONDS = 25
MEGABYTE = 1_000_000


def help_seconds() -> list[float]:
    """How long each of some runs of `nexus --help` took."""
    taken: list[float] = []
    for _ in range(HELP_RUNS):
        started = time.perf_counter()
        subprocess.run([*NEXUS, "--help"], check=True, capture_output=True)
        taken.append(time.perf_counter() - started)
    return taken


@contextmanager
def served(home: str) -> Iterator[tuple[psutil.Process, str]]:
    """A server with an empty home, whose model is somewhere else."""
    environment = {
        **os.environ,
        "NEXUS_HOME": home,
        "NEXUS_PORT": "0",
        "NEXUS_MODEL": "openai:http://127.0.0.1:9/v1#none",
    }
    with subprocess.Popen(
        [*NEXUS, "serve"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as server:
        try:
            line = next(line for line in server.stdout or () if "http://" in line)
            yield psutil.Process(server.pid), "http://" + line.split("http://")[1].split()[0]
        finally:
            server.terminate()


def resident(process: psutil.Process) -> float:
    """Resident memory of a process and its children, in MB."""
    family = [process, *process.children(recursive=True)]
    return sum(member.memory_info().rss for member in family) / MEGABYTE


def settled(process: psutil.Process) -> float:
    """Resident memory once it has stopped growing: the first start indexes the tools in the background."""
    last, still = resident(process), 0
    while still < QUIET_SECONDS:
        time.sleep(1)
        now = resident(process)
        still = 0 if now > last + 1 else still + 1
        last = now
    return last


def measure(home: str, which: str) -> None:
    """Start a server, let it come to rest, use it a little, and print what that took."""
    started = time.perf_counter()
    with served(home) as (process, url), httpx.Client(base_url=url, trust_env=False) as client:
        client.get("/ok").raise_for_status()
        ready = time.perf_counter() - started
        idle = settled(process)
        for path in ("/threads", "/approvals", "/openapi.json", "/docs") * 5:
            client.get(path).raise_for_status()
        used = resident(process)
    print(f"{which}     answers after {ready:.2f} s (bar 3 s)")
    print(f"{which}     idle {idle:.0f} MB, after use {used:.0f} MB (bar 200 MB)")


def main() -> None:
    """Measure and print."""
    taken = help_seconds()
    print(f"nexus --help    median {statistics.median(taken):.2f} s, worst {max(taken):.2f} s (bar 0.5 s)")
    with tempfile.TemporaryDirectory() as home:
        measure(home, "first start")
        measure(home, "later start")


if __name__ == "__main__":
    main()
