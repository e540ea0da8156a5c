"""What a server does beside the requests."""

from __future__ import annotations

import asyncio

from nexus.runtime.background import Background


async def test_a_job_takes_the_place_of_the_one_before_it_of_the_same_name():
    runs, begun, ended = Background(), asyncio.Queue[int](), asyncio.Queue[int]()

    async def wait(number: int) -> None:
        begun.put_nowait(number)
        try:
            await asyncio.Event().wait()
        finally:
            ended.put_nowait(number)

    for number, name in enumerate(["link 1", "link 1", "link 2", "link 1"]):
        runs.supervise(lambda number=number: wait(number), name=name)
        assert await begun.get() == number
    assert [await ended.get() for _ in range(2)] == [0, 1]
    assert ended.empty()
    await runs.close(grace=0)
    assert ended.qsize() == 2
