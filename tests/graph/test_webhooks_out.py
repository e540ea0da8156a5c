"""Outgoing webhooks: what happened is told, signed, at least once, for a day, to whoever wants to know."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from threading import Semaphore
from typing import Any

import pytest

from nexus.core.action import ThreadId
from nexus.core.decision import Approve, Reject
from nexus.core.signature import check_signed
from nexus.errors import Conflict, NotFound, Unidentified
from nexus.notify.deliverer import BACKOFF, LEASE
from nexus.notify.messages import MESSAGE_KINDS
from nexus.ports.deliveries import Delivery
from nexus.ports.endpoints import Endpoint
from nexus.runtime.notices import Notices, working
from nexus.settings import Settings
from nexus.store.audit import SqliteAudit
from nexus.store.threads import SqliteThreads
from nexus.store.users import SqliteUsers
from nexus.wiring.notices import notices_over
from tests.servers.receiver import Receiver, receiving
from tests.world import MAIL, MakeWorld, World


@dataclass
class Post:
    """A world, and a receiver of what it tells."""

    world: World
    receiver: Receiver

    def notices(self) -> Notices:
        """What a server over the world's files has."""
        settings = Settings(home=self.world.home, webhook_allow=("127.0.0.0/8",))
        return notices_over(self.world.database, self.world.clock, settings)

    async def add(self, *, path: str = "/in", kinds: Any = MESSAGE_KINDS) -> Endpoint:
        """An endpoint of the owner's."""
        return await self.notices().endpoints("owner").add(self.receiver.url + path, kinds=kinds)

    async def endpoint(self) -> Endpoint:
        """The one there is, as it stands."""
        (endpoint,) = await self.notices().endpoints("owner").search()
        return endpoint

    async def flush(self) -> None:
        """Send all that is due."""
        await self.notices().deliverer.flush()  # type: ignore[attr-defined] - the deliverer's own

    async def deliveries(self) -> list[Delivery]:
        """The log, the oldest first."""
        return list(reversed(await self.notices().deliveries("owner").search()))

    async def after(self, delta: timedelta) -> None:
        """Send what is due that much later."""
        self.world.advance(delta)
        await self.flush()

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What arrived."""
        return [json.loads(each.body) for each in self.receiver.received]

    @property
    def ids(self) -> list[str]:
        """The ids of what arrived."""
        return [each.headers["webhook-id"] for each in self.receiver.received]


@pytest.fixture(name="running", scope="module")
def _running() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(name="post")
async def _post(world: World, running: Receiver) -> Post:
    running.received.clear()
    running.answers.clear()
    running.arrived = Semaphore(0)
    return Post(world, running)


async def test_an_approval_is_told_with_the_exact_call_and_signed(post: Post):
    """What arrives can be decided on: arguments, where they came from, and the digest."""
    endpoint = await post.add()
    await post.world.start()
    await post.flush()
    (received,) = post.receiver.received
    approval = await post.world.pending()
    body = json.loads(received.body)
    assert body["type"] == "approval.requested"
    assert body["data"]["arguments"] == MAIL
    assert body["data"]["origins"] == approval.origins
    assert (body["data"]["approval_id"], body["data"]["digest"]) == (approval.id, approval.digest)
    assert "decide" not in received.body.decode()
    now = post.world.clock.now()
    assert check_signed([endpoint.secret], received.headers, received.body, now=now) == post.ids[0]


async def test_a_whole_run_is_told_in_order_and_each_event_once(post: Post):
    """Asked, decided, completed; nothing is told again by another look, or after a restart."""
    await post.add()
    await post.world.start()
    await post.world.decide(Approve())
    await post.world.resume()
    await post.flush()
    told = [body["type"] for body in post.bodies]
    assert told == ["approval.requested", "approval.decided", "run.completed"]
    assert post.bodies[1]["data"]["state"] == "approved"
    await post.flush()
    await post.world.restart()
    await post.flush()
    assert len(post.ids) == len(set(post.ids)) == 3


async def test_what_it_does_not_want_or_was_before_it_is_not_told(post: Post):
    """An endpoint chooses its events, and is told of those from its making on."""
    await post.world.start()
    await post.add(kinds=("approval.decided", "approval.expired"))
    await post.world.decide(Reject("no"))
    await post.flush()
    assert [body["type"] for body in post.bodies] == ["approval.decided"]
    await post.world.start(thread="other")
    post.world.advance(timedelta(days=2))
    await post.world.approvals.expire_overdue()
    await post.flush()
    assert [body["type"] for body in post.bodies] == ["approval.decided", "approval.expired"]


async def test_what_does_not_arrive_is_tried_again_with_the_same_id_and_body(post: Post):
    """An error, a redirect, a refusal: none of them is an arrival."""
    await post.add()
    post.receiver.answers[:] = [500, (302, {"Location": "https://example.com/"}), 400, 204]
    await post.world.start()
    await post.flush()
    await post.flush()
    assert len(post.ids) == 1  # it is not due yet
    for pause in BACKOFF[:3]:
        await post.after(pause)
    assert len(post.ids) == 4
    assert len({(each.headers["webhook-id"], each.body) for each in post.receiver.received}) == 1
    (delivery,) = await post.deliveries()
    assert (delivery.state, delivery.attempts, delivery.status) == ("delivered", 4, 204)
    _, log = await post.notices().deliveries("owner").get(delivery.id)
    assert [attempt.error for attempt in log] == [
        "it answered 500",
        "it answered 302",
        "it answered 400",
        None,
    ]
    assert (await post.endpoint()).failing_since is None


async def test_each_attempt_is_signed_at_its_time(post: Post):
    """So that a message that is tried for a day is fresh whenever it arrives."""
    endpoint = await post.add()
    post.receiver.answers[:] = [500] * 5
    await post.world.start()
    await post.flush()
    for pause in BACKOFF[:5]:
        await post.after(pause)
    first, *_, last = post.receiver.received
    now = post.world.clock.now()
    assert check_signed([endpoint.secret], last.headers, last.body, now=now)
    with pytest.raises(Unidentified):
        check_signed([endpoint.secret], first.headers, first.body, now=now)


async def test_it_is_tried_for_a_day_and_then_the_endpoint_is_switched_off(post: Post):
    """What waited for it has failed, too; all of that is in the log and the audit log."""
    assert timedelta(hours=24) <= sum(BACKOFF, timedelta()) <= timedelta(hours=30)
    await post.add()
    post.receiver.answers[:] = [503] * 100
    await post.world.start()
    await post.flush()
    for pause in BACKOFF:
        assert (await post.endpoint()).disabled_at is None
        await post.after(pause)
    assert len(post.ids) == len(BACKOFF) + 1
    endpoint = await post.endpoint()
    assert endpoint.disabled_at == post.world.clock.now()
    assert "nothing reached it since" in str(endpoint.disabled_because)
    assert [delivery.state for delivery in await post.deliveries()] == ["failed"]
    events = await SqliteAudit(post.world.database).after(0, limit=1000)
    (told,) = [event.data for event in events if event.kind == "notification"]
    assert (told["state"], told["error"], told["about"]) == (
        "failed",
        "it answered 503",
        "approval.requested",
    )


async def test_an_endpoint_that_is_reached_now_and_then_stays_on(post: Post):
    """One message may be more than it can take; the others arrive."""
    await post.add()
    post.receiver.answers[:] = [500] * (len(BACKOFF) - 1)
    await post.world.start()
    await post.flush()
    for pause in BACKOFF[:-2]:
        await post.after(pause)
    await post.world.start(thread="other")
    post.receiver.answers[:] = [204, 500, 500]
    await post.flush()
    await post.after(BACKOFF[-2])
    await post.after(BACKOFF[-1])
    assert [delivery.state for delivery in await post.deliveries()] == ["failed", "delivered"]
    assert (await post.endpoint()).disabled_at is None


async def test_a_receiver_that_is_gone_is_left_alone_at_once(post: Post):
    """That is what 410 means."""
    await post.add()
    post.receiver.answers[:] = [410]
    await post.world.start()
    await post.flush()
    assert (await post.endpoint()).disabled_because == "it answered 410 Gone"
    await post.world.decide(Reject("no"))
    await post.after(timedelta(days=1))
    assert len(post.ids) == 1


async def test_a_receiver_may_ask_to_be_left_alone_for_a_while(post: Post):
    """Longer than it would be anyway, and not for ever."""
    await post.add()
    post.receiver.answers[:] = [(429, {"Retry-After": "3600"}), (503, {"Retry-After": "9" * 30})]
    await post.world.start()
    await post.flush()
    await post.after(BACKOFF[0])
    assert len(post.ids) == 1
    await post.after(timedelta(hours=1))
    assert len(post.ids) == 2
    await post.after(timedelta(days=1))
    assert len(post.ids) == 3


async def test_what_a_dead_process_had_taken_is_sent_after_a_while(post: Post):
    """At least once: it may have arrived, and then arrives again with the same id."""
    await post.add()
    await post.world.start()
    notices = post.notices()
    await notices.deliverer._read_on()  # type: ignore[attr-defined] - as one that dies in between
    taken = await notices.deliveries(None).claim(limit=8, lease=LEASE)
    assert len(taken) == 1
    await post.world.restart()
    await post.flush()
    assert post.ids == []
    await post.after(LEASE)
    assert post.ids == [taken[0][0].message.id]


async def test_two_servers_over_one_database_tell_each_event_once(post: Post, make_world: MakeWorld):
    """Whoever comes second finds it noted, or taken."""
    await post.add()
    await post.world.start()
    other = Post(await make_world(clock=post.world.clock), post.receiver)
    await asyncio.gather(post.flush(), other.flush())
    await post.flush()
    assert len(post.ids) == 1


async def test_a_changed_secret_signs_beside_the_old_one_for_a_day(post: Post):
    """So that the receiver can change at its own time."""
    old = await post.add()
    new = await post.notices().endpoints("owner").rotate(old.id)
    assert new.secret != old.secret
    await post.world.start()
    await post.flush()
    await post.world.decide(Reject("no"))
    await post.after(timedelta(days=1))
    (both, only_new), now = post.receiver.received, post.world.clock.now()
    for secret in (old.secret, new.secret):
        at = now - timedelta(days=1)
        assert check_signed([secret], both.headers, both.body, now=at)
    assert check_signed([new.secret], only_new.headers, only_new.body, now=now)
    with pytest.raises(Unidentified):
        check_signed([old.secret], only_new.headers, only_new.body, now=now)


async def test_a_message_is_sent_again_by_hand(post: Post):
    """With its id and body, also after it has arrived; not to an endpoint that is off."""
    await post.add()
    await post.world.start()
    await post.flush()
    (delivery,) = await post.deliveries()
    deliveries = post.notices().deliveries("owner")
    await deliveries.replay(delivery.id)
    post.receiver.answers[:] = [410]
    await post.flush()
    assert post.ids == [delivery.message.id] * 2
    with pytest.raises(Conflict, match="switched off"):
        await deliveries.replay(delivery.id)
    endpoint = await post.notices().endpoints("owner").enable(delivery.endpoint)
    assert endpoint.disabled_at is None
    await deliveries.replay(delivery.id)
    await post.flush()
    assert post.ids == [delivery.message.id] * 3


async def test_nobody_sees_or_replays_what_is_anothers(post: Post):
    """Neither endpoints nor deliveries."""
    endpoint = await post.add()
    await post.world.start()
    await post.flush()
    (delivery,) = await post.deliveries()
    notices = post.notices()
    assert await notices.endpoints("ana").search() == []
    assert await notices.deliveries("ana").search() == []
    for refused in (
        notices.endpoints("ana").get(endpoint.id),
        notices.endpoints("ana").rotate(endpoint.id),
        notices.endpoints("ana").remove(endpoint.id),
        notices.endpoints("ana").enable(endpoint.id),
        notices.deliveries("ana").get(delivery.id),
        notices.deliveries("ana").replay(delivery.id),
    ):
        with pytest.raises(NotFound):
            await refused


async def test_a_receiver_that_hangs_keeps_no_other_from_being_told(post: Post):
    """And at the end the server does not wait for it."""
    await post.add(path="/hangs")
    await post.add(path="/works")
    post.receiver.answers[:] = ["hang"]
    await post.world.start()
    async with working(post.notices().deliverer, grace=0):
        for _ in range(2):
            await asyncio.to_thread(post.receiver.wait)
    assert sorted(each.path for each in post.receiver.received) == ["/hangs", "/works"]


async def test_an_unknown_outcome_is_told(post: Post):
    """What was sent, and that nobody can know whether it acted."""
    await post.add(kinds=("approval.outcome_unknown",))

    async def lost(*_: Any, acted: bool) -> None:
        if acted:
            raise ConnectionResetError

    post.world.tools.sabotage = lost
    await post.world.start()
    await post.world.decide(Approve())
    await post.world.resume()
    await post.flush()
    (body,) = post.bodies
    assert (body["type"], body["data"]["tool"]) == ("approval.outcome_unknown", "post_send")


async def test_whose_key_was_revoked_is_told_nothing_until_there_is_a_new_one(post: Post):
    """And what waits for them keeps nobody else from being told."""
    users = SqliteUsers(post.world.database)
    await users.add("ana")
    await post.notices().endpoints("ana").add(post.receiver.url + "/ana", kinds=MESSAGE_KINDS)
    await post.add()
    await SqliteThreads(post.world.database, "ana").create(ThreadId("t"), title="")
    await SqliteThreads(post.world.database, "ana").ended(ThreadId("t"), ending="answered")
    await users.revoke("ana")
    await post.world.start()
    await post.flush()
    assert [each.path for each in post.receiver.received] == ["/in"]
    await users.add("ana")
    await post.flush()
    assert [each.path for each in post.receiver.received] == ["/in", "/ana"]
