"""What is said again, and what waits for a yes: what becomes of what was kept before."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from graphs.memories import Memories
from nexus.core.memory import Memory
from nexus.testing import FakeClock, KeptMemories

LATER = datetime(2999, 1, 1, tzinfo=UTC)
SAID = "Mails to Acme are signed with Ada"
POST = frozenset({"post"})


@pytest.fixture(name="memories")
def _memories() -> Memories:
    return Memories(KeptMemories(FakeClock()), FakeClock())


async def said(memories: Memories) -> Memory:
    """What a person told, for one app and until a day."""
    return await memories.remember(SAID, kind="preference", apps=POST, expires_at=LATER)


async def test_a_proposal_that_repeats_what_is_kept_changes_nothing_while_it_waits(memories: Memories):
    learned = await memories.remember(SAID, kind="preference", author="model", apps=POST)
    again = await memories.remember(SAID, kind="preference", author="model", is_pending=True)
    assert again == learned
    assert await memories.store.list() == [learned]


@pytest.mark.parametrize("text", [SAID, "Mails to Acme are signed with: Ada"], ids=["same", "other order"])
async def test_what_a_person_said_keeps_its_apps_and_its_end_when_the_model_repeats_it(
    memories: Memories, text: str
):
    kept = await said(memories)
    again = await memories.remember(text, kind="preference", author="model")
    assert (again.id, again.text, again.author) == (kept.id, SAID, "person")
    assert (again.apps, again.expires_at, again.confidence) == (POST, LATER, 1.0)
    assert await memories.store.list() == [again]


async def test_what_the_model_says_in_other_words_leaves_the_persons_as_they_are(memories: Memories):
    kept = await memories.remember("I like short mails and short notes", kind="preference", expires_at=LATER)
    again = await memories.remember("I like short mails and notes", kind="preference", author="model")
    assert (again.id, again.text, again.author, again.expires_at) == (kept.id, kept.text, "person", LATER)
    assert again.history == ()


async def test_a_person_who_says_it_again_says_anew_for_what_and_until_when(memories: Memories):
    await said(memories)
    again = await memories.remember(SAID, kind="preference")
    assert (again.apps, again.expires_at) == (frozenset(), None)


async def test_what_the_model_proposed_is_a_persons_once_they_say_it(memories: Memories):
    await memories.remember(SAID, kind="preference", author="model")
    await said(memories)
    again = await memories.remember(SAID, kind="preference", author="model")
    assert (again.author, again.expires_at) == ("person", LATER)


async def test_what_waits_never_takes_the_place_of_something_else_that_waits(memories: Memories):
    """The yes to one must not be a yes to another that came while it was looked at."""
    one = await memories.remember("Ana's address is ana@example.com", author="model", is_pending=True)
    other = await memories.remember("Ana's address is evil@example.org", author="model", is_pending=True)
    assert one.id != other.id
    assert await memories.store.get(one.id) == one
    await memories.accept(one.id)
    assert {(each.text, each.is_pending) for each in await memories.store.list()} == {
        (one.text, False),
        (other.text, True),
    }


async def test_a_yes_to_what_says_nearly_the_same_takes_the_place_of_what_the_person_said(memories: Memories):
    kept = await memories.remember("Ana prefers short mails in the morning", kind="preference")
    pending = await memories.remember(
        "Ana prefers short mails early in the morning", kind="preference", author="model", is_pending=True
    )
    accepted = await memories.accept(pending.id)
    assert (accepted.id, accepted.text, accepted.is_pending) == (kept.id, pending.text, False)
    assert [each.text for each in accepted.history] == [kept.text]
    assert await memories.store.list() == [accepted]


async def test_what_waits_and_is_proposed_again_waits_once(memories: Memories):
    one = await memories.remember("Ana's address is ana@example.com", author="model", is_pending=True)
    again = await memories.remember("Ana's address is ana@example.com.", author="model", is_pending=True)
    assert (again.id, again.text) == (one.id, one.text)
    assert len(await memories.store.list()) == 1
