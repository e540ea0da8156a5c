"""A running Nexus, as the command line and the API see it."""

from __future__ import annotations

from dataclasses import dataclass

from graphs.parts import Parts
from nexus.ports.threads import Threads
from nexus.runtime.runner import Runner
from nexus.settings import Settings


@dataclass(frozen=True, slots=True)
class Service:
    """Everything a surface may use. `parts` has the ports: tools, index, approvals, model."""

    settings: Settings
    runner: Runner
    threads: Threads
    parts: Parts
