"""`pytest -m durability` tries every case; any other run, as CI's, a sample that is spread over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from queue import SimpleQueue
from typing import Any, TypeAlias, TypeVar

import pytest

from tests.durability.servers import SweepServer

Case = TypeVar("Case")
Sample: TypeAlias = Callable[[Sequence[Any], int], list[Any]]
TryAll: TypeAlias = Callable[[Callable[[SweepServer, Any], Any], Sequence[Any]], list[Any]]


@pytest.fixture(name="is_full", scope="session")
def _is_full(pytestconfig: pytest.Config) -> bool:
    """True if all cases are wanted."""
    return "durability" in str(pytestconfig.option.markexpr).split()


@pytest.fixture(name="sample", scope="session")
def _sample(is_full: bool) -> Sample:  # noqa: FBT001 - a fixture
    """All of the cases, or as many as a run of everything has time for, equally far apart."""

    def sample(cases: Sequence[Any], size: int) -> list[Any]:
        if is_full or len(cases) <= size:
            return list(cases)
        return [cases[number * len(cases) // size] for number in range(size)]

    return sample


@pytest.fixture(name="try_all", scope="session")
def _try_all() -> Iterator[TryAll]:
    """Tries cases on two forking servers at once; the results in the order of the cases."""
    with ExitStack() as stack:
        free: SimpleQueue[SweepServer] = SimpleQueue()
        for _ in range(2):
            free.put(stack.enter_context(SweepServer()))

        def try_all(attempt: Callable[[SweepServer, Any], Any], cases: Sequence[Any]) -> list[Any]:
            def one(case: Any) -> Any:
                server = free.get()
                try:
                    return attempt(server, case)
                finally:
                    free.put(server)

            with ThreadPoolExecutor(2) as pool:
                return list(pool.map(one, cases))

        yield try_all
