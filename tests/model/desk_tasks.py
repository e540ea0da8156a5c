"""Tasks for small models on the seeded desk, each with its judge and the calls that would do it.

The clock shows Wednesday 2026-11-25 09:00 UTC, which is local time here (`ZONE`). In a third of the tasks an
error of the app's API is planted (`DeskTask.fault`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

from nexus.testing import FakeClock
from nexus.tools.desk import desk_provider
from nexus.tools.desk.seed import seed
from nexus.tools.local import LocalProvider
from tests.model.desk_checks import Snapshot, snapshot
from tests.model.tasks.longer import FOUR_STEPS, THREE_STEPS
from tests.model.tasks.nothing import NOTHING_TO_DO
from tests.model.tasks.one_step import ONE_STEP
from tests.model.tasks.planted import PLANTED_ONE_STEP, PLANTED_TWO_STEPS
from tests.model.tasks.task import DeskTask
from tests.model.tasks.two_steps import TWO_STEPS

ZONE = UTC

DESK_TASKS: Sequence[DeskTask] = (
    *ONE_STEP,
    *TWO_STEPS,
    *NOTHING_TO_DO,
    *PLANTED_ONE_STEP,
    *PLANTED_TWO_STEPS,
    *THREE_STEPS,
    *FOUR_STEPS,
)


def lay_desk(root: Path) -> tuple[LocalProvider, Snapshot]:
    """A freshly seeded desk, and what is on it."""
    clock = FakeClock()
    seed(root, clock, zone=ZONE)
    return desk_provider(root, clock, zone=ZONE), snapshot(root)
