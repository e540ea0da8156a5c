"""Runs the program as a person does: at a shell, in a pipe, or at a terminal with keys."""

from __future__ import annotations

import fcntl
import json
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from typer.testing import CliRunner

from nexus.cli.program import Entry, program
from nexus.testing import ScriptedModel
from nexus.wiring.audit import open_audit
from nexus.wiring.memories import open_own_memories
from nexus.wiring.notices import open_notices
from nexus.wiring.users import open_users
from tests.cli.scripted import open_service, serve

ROOT = Path(__file__).parents[2]
SCRIPTED = "tests.cli.scripted"
PATIENCE = 60.0
"""Seconds after which a program that shows nothing new is taken for hung."""

ENTER, DOWN, UP, CTRL_C, CTRL_D, CLEAR = "\r", "\x1b[B", "\x1b[A", "\x03", "\x04", "\x15"

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()=>][0-9A-Za-z]?|\x1b\][^\x07]*\x07|\r")


@dataclass(frozen=True)
class Result:
    """How a program ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The JSON objects it printed."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Home:
    """A home folder, and the program on it."""

    path: Path
    module: str = "nexus"
    variables: Mapping[str, str] | None = None

    def environment(self) -> dict[str, str]:
        """What the program is told by its surroundings, and nothing of the developer's own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("NEXUS_")}
        return {
            **kept,
            "PYTHONPATH": str(ROOT),
            "NEXUS_HOME": str(self.path),
            "PROMPT_TOOLKIT_NO_CPR": "1",
            "TERM": "xterm-256color",
            "COLUMNS": "120",
            **(self.variables or {}),
        }

    def command(self, *arguments: str) -> list[str]:
        """The words of the command line."""
        return [sys.executable, "-m", self.module, *arguments]

    def nexus(self, *arguments: str, stdin: str = "") -> Result:
        """Run the program in a pipe, to its end; the scripted one in this process, because that is quick."""
        if self.module == SCRIPTED:
            entry = Entry(
                open_service=open_service,
                serve=serve,
                open_users=open_users,
                open_audit=open_audit,
                open_notices=open_notices,
                open_memories=open_own_memories,
            )
            run = CliRunner().invoke(program, arguments, input=stdin, obj=entry, catch_exceptions=False)
            return Result(run.exit_code, run.stdout, run.stderr)
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.path,
            env=self.environment(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def will_say(self, *calls: tuple[str, Mapping[str, Any]], answer: str | None = "Done.") -> None:
        """Give the scripted model its lines."""
        self.script(ScriptedModel().calls(*calls, answer=answer).script)

    def script(self, lines: Sequence[Any]) -> None:
        """Give the scripted model its lines, one by one."""
        (self.path / "script.json").write_text(json.dumps(lines))

    def lines_left(self) -> list[Any]:
        """What the scripted model has not said yet."""
        return list(json.loads((self.path / "script.json").read_text()))

    @property
    def calls(self) -> list[tuple[str, dict[str, Any]]]:
        """What the tools really got, in order."""
        file = self.path / "calls.jsonl"
        return [tuple(json.loads(line)) for line in file.read_text().splitlines()] if file.exists() else []

    def pending(self) -> str:
        """The id of the one approval that waits."""
        (line,) = self.nexus("approvals", "list", "--json").lines
        return str(line["approval_id"])


class Terminal:
    """The program at a pseudo-terminal; press keys, wait for what is shown."""

    def __init__(self, home: Home, *arguments: str) -> None:
        master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 120, 0, 0))
        self._process = subprocess.Popen(
            home.command(*arguments),
            cwd=home.path,
            env=home.environment(),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self._master = master
        self.shown = ""
        self.raw = b""
        self._read_to = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._master)

    def wait_for(self, text: str) -> str:
        """Wait until `text` is shown after what was waited for before; everything between."""
        deadline = time.monotonic() + PATIENCE
        while (found := self.shown.find(text, self._read_to)) < 0:
            if not self._read(deadline):
                raise AssertionError(f"{text!r} was never shown; this was: {self.shown[self._read_to :]!r}")
        between = self.shown[self._read_to : found]
        self._read_to = found + len(text)
        return between

    def press(self, *keys: str) -> None:
        """Press keys, each on its own, so that an arrow is not taken for Esc and letters."""
        for key in keys:
            os.write(self._master, key.encode())

    def interrupt(self) -> None:
        """What a Ctrl-C outside of a question is to the program."""
        self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End it without a chance to say anything."""
        self._process.kill()
        self._process.wait()

    def end(self) -> int:
        """Read on to the end; the exit code."""
        deadline = time.monotonic() + PATIENCE
        while self._read(deadline):
            pass
        return self._process.wait(timeout=PATIENCE)

    def _read(self, deadline: float) -> bool:
        """Take in what is shown; False at the end."""
        if not select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return False
        try:
            piece = os.read(self._master, 65_536)
        except OSError:  # Linux says so when the other end is closed
            return False
        self.raw += piece
        self.shown += _ESCAPES.sub("", piece.decode(errors="replace"))
        return bool(piece)
