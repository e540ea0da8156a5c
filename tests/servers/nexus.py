"""`nexus serve` as a person starts it, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


@contextmanager
def nexus_serve(home: Path, *options: str, **environment: str) -> Iterator[str]:
    """Where it listens; it is told to stop at the end."""
    command = [sys.executable, "-m", "nexus", "serve", "--port", "0", *options]
    variables = {**os.environ, "NEXUS_HOME": str(home), "PYTHONPATH": str(ROOT), **environment}
    log = home.parent / f"{home.name}.log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            command, cwd=home.parent, env=variables, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as server,
    ):
        try:
            line = next((line for line in server.stdout or () if "http://" in line), "")
            assert line, log.read_text()
            yield "http://" + line.split("http://")[1].split()[0]
        finally:
            server.terminate()
