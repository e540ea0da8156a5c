"""The forking program as its tests use it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Self, cast

ROOT = Path(__file__).parents[2]


class SweepServer:
    """One running `sweep_server`; ends with its `with` block."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.durability.sweep_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=30)

    def ask_all(self, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Run these jobs at once; their results in the same order."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(jobs) + "\n")
        self._process.stdin.flush()
        return cast("list[dict[str, Any]]", json.loads(self._process.stdout.readline()))

    def ask(self, **job: Any) -> dict[str, Any]:
        """Run one job."""
        return self.ask_all([job])[0]
