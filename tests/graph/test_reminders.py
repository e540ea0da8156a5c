"""Reminders and expiry: written down with the event that tells of them; no restart repeats or forgets one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from nexus.core.approval import Reminding
from nexus.core.decision import Approve, Reject
from nexus.core.policy import Policy
from nexus.runtime.notices import Notices
from nexus.settings import Settings
from nexus.settings_policy import Rule
from nexus.store.users import SqliteUsers
from nexus.wiring.notices import notices_over
from tests.servers.receiver import Receiver, receiving
from tests.world import MAIL, SEND, MakeWorld, World

# apprise looks at every plugin it has, and what some of them stand on is old.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

HOUR = timedelta(hours=1)


@dataclass
class Post:
    """A world, a program that is told what happens there, and a channel to people."""

    world: World
    program: Receiver
    people: Receiver

    @property
    def notices(self) -> Notices:
        """What a server over the world's files has."""
        settings = Settings(
            home=self.world.home,
            webhook_allow=("127.0.0.0/8",),
            notify_url=SecretStr(self.people.url.replace("http://", "json://")),
        )
        return notices_over(self.world.database, self.world.clock, settings)

    async def flush(self) -> None:
        """Send all that is due."""
        await self.notices.deliverer.flush()  # type: ignore[attr-defined] - the deliverer's own

    async def ask(self) -> None:
        """A question, of which both are told."""
        await self.flush()
        await self.notices.endpoints("owner").add(self.program.url, kinds=("approval.requested",))
        await self.world.start()
        await self.flush()

    async def after(self, delta: timedelta) -> None:
        """A server starts that much later, looks after what waits, and sends."""
        self.world.advance(delta)
        await self.world.restart()
        await self.world.boot()
        await self.flush()

    @property
    def told(self) -> list[tuple[str, int | None]]:
        """What the program was told, and of the how manieth reminder."""
        bodies = [json.loads(each.body) for each in self.program.received]
        return [(body["type"].removeprefix("approval."), body["data"].get("reminder")) for body in bodies]

    @property
    def titles(self) -> list[str]:
        """What people were told."""
        return [json.loads(each.body)["title"] for each in self.people.received]


@pytest.fixture(name="receivers", scope="module")
def _receivers() -> Iterator[tuple[Receiver, Receiver]]:
    with receiving() as program, receiving() as people:
        yield program, people


@pytest.fixture(name="post")
async def _post(make_world: MakeWorld, receivers: tuple[Receiver, Receiver]) -> Post:
    for each in receivers:
        each.received.clear()
    return Post(await make_world(reminding=Reminding(HOUR, 2)), *receivers)


async def test_people_and_programs_are_reminded_of_the_exact_call_by_what_asked_them(post: Post):
    """Whoever was told of the question is told of the reminder; people get a link again."""
    await post.ask()
    await post.after(HOUR - timedelta(seconds=1))
    assert post.told == [("requested", None)]
    await post.after(timedelta(seconds=1))
    assert post.told == [("requested", None), ("reminded", 1)]
    reminder, approval = json.loads(post.program.received[-1].body)["data"], await post.world.pending()
    assert (reminder["arguments"], reminder["digest"]) == (MAIL, approval.digest)
    assert post.titles == ["Nexus asks: May this be done?", "Nexus asks again: May this be done?"]
    assert "/decide?link=" in json.loads(post.people.received[-1].body)["message"]
    assert approval.reminders == (post.world.clock.now(),)


async def test_no_restart_repeats_a_reminder_and_there_are_no_more_than_were_wanted(post: Post):
    """However often a server starts, and however long none ran."""
    await post.ask()
    for delta in (
        HOUR,
        timedelta(),
        timedelta(minutes=59),
        timedelta(minutes=1),
        timedelta(),
        5 * HOUR,
        HOUR,
    ):
        await post.after(delta)
    assert post.told == [("requested", None), ("reminded", 1), ("reminded", 2)]
    ids = [each.headers["webhook-id"] for each in post.program.received]
    assert len(set(ids)) == 3
    assert (await post.world.audit.verify()).problem is None


async def test_what_was_missed_while_nothing_ran_is_one_reminder(post: Post):
    """And the next one is due that long after it."""
    await post.ask()
    await post.after(7 * HOUR)
    await post.after(timedelta(minutes=30))
    assert post.told == [("requested", None), ("reminded", 1)]
    await post.after(timedelta(minutes=30))
    assert post.told[2:] == [("reminded", 2)]


async def test_two_servers_over_one_home_remind_once(post: Post, make_world: MakeWorld):
    """Whichever looks first."""
    await post.ask()
    other = await make_world(clock=post.world.clock)
    post.world.advance(HOUR)
    found = await asyncio.gather(*(each.approvals.remind() for each in [post.world, other] * 5))
    assert sum(map(len, found)) == 1


@pytest.mark.parametrize("decision", [Approve(), Reject("no")], ids=lambda each: each.kind)
async def test_nobody_is_reminded_of_what_is_decided(post: Post, decision: Any):
    await post.ask()
    await post.world.decide(decision)
    await post.after(HOUR)
    assert post.told == [("requested", None)]


async def test_a_question_expires_also_while_nothing_runs_and_nobody_is_reminded_then(post: Post):
    """The thread goes on to its end, without an effect."""
    await post.ask()
    await post.after(timedelta(days=1, seconds=1))
    (approval,) = await post.world.approvals.search(pending_only=False)
    assert (approval.state, approval.reminders) == ("expired", ())
    assert (post.told, post.world.effects) == ([("requested", None)], [])
    assert (await post.world.view()).status == "idle"


async def test_nobody_is_reminded_of_what_is_over_though_nothing_has_noticed_yet(make_world: MakeWorld):
    world = await make_world(reminding=Reminding(HOUR, 2))
    await world.start()
    world.advance(timedelta(days=1, seconds=1))
    assert await world.approvals.remind() == []


async def test_without_the_setting_nobody_is_reminded(make_world: MakeWorld):
    world = await make_world()
    await world.start()
    world.advance(23 * HOUR)
    assert await world.approvals.remind() == []


async def test_a_rule_says_otherwise_for_its_calls(make_world: MakeWorld):
    """And is no other rule for it: the digest of what would happen is the same."""
    rule = Rule(verdict="ask", tool=SEND.slug, remind_minutes=5, remind_times=1)
    world = await make_world(policy=Policy(rules=(rule,)), reminding=Reminding(HOUR, 3))
    await world.start()
    assert (await world.pending()).reminding == Reminding(timedelta(minutes=5), 1)
    assert Policy(rules=(rule,)).version == Policy(rules=(Rule(verdict="ask", tool=SEND.slug),)).version


@pytest.mark.parametrize(
    ("facts", "problem"),
    [
        ({"verdict": "allow", "remind_minutes": 5}, "remind_minutes: only the verdict ask"),
        ({"verdict": "ask", "remind_minutes": 0}, "greater than or equal to 1"),
        ({"verdict": "ask", "remind_minutes": 5, "remind_times": 0}, "greater than or equal to 1"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(facts: dict[str, Any], problem: str):
    with pytest.raises(ValidationError, match=problem):
        Rule.model_validate(facts)


async def test_approvers_are_asked_and_reminded_by_webhooks_of_their_own(
    make_world: MakeWorld, receivers: tuple[Receiver, Receiver]
):
    """With whose call it is and the exact arguments; whoever has said yes is not reminded."""
    rule = Rule(verdict="ask", tool=SEND.slug, approvers=("ben", "carl"), approvals=2)
    post = Post(await make_world(policy=Policy(rules=(rule,)), reminding=Reminding(HOUR, 1)), *receivers)
    post.program.received.clear()
    for name in ("ben", "carl", "dora"):
        await SqliteUsers(post.world.database).add(name)
        await post.notices.endpoints(name).add(f"{post.program.url}/{name}", kinds=("approval.requested",))
    await post.flush()
    await post.world.start()
    await post.flush()
    approval = await post.world.pending()
    told = [(each.path, json.loads(each.body)) for each in post.program.received]
    assert sorted(path for path, _ in told) == ["/ben", "/carl"]
    for _, body in told:
        assert (body["type"], body["data"]["user"]) == ("review.requested", "owner")
        assert (body["data"]["arguments"], body["data"]["digest"]) == (MAIL, approval.digest)
    await post.world.runner.decide(approval.id, Approve(), actor="api:ben")
    post.program.received.clear()
    await post.after(HOUR)
    (reminder,) = post.program.received
    assert (reminder.path, json.loads(reminder.body)["data"]["reminder"]) == ("/carl", 1)
